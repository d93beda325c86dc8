"""Lets a consumer read what an engine's blocking call writes, and stop it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from assistant.cancellation import Cancellation, Cancelled, current, start_thread

Item = TypeVar("Item")
Emit = Callable[[Item | None], bool]

_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


def read_from_thread(work: Callable[[Emit[Item]], None], name: str) -> Generator[Item, None, None]:
    """Run `work` in a thread of its own and yield what it emits, as it comes.

    `work` gets a function that takes the next item (None for none) and tells whether to
    stop: True once the consumer has closed this generator, the consumer's work is cancelled or
    the program is ending. Neither closing nor cancelling waits for `work` to end.

    Raises:
        Exception: What `work` raises.
        RuntimeError: `work` ended by something else than an `Exception`.
        Cancelled: The consumer's work was cancelled.
    """
    items: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
    consumer, cancellation = current() or Cancellation(), Cancellation()
    consumer.check()

    def emit(item: Item | None) -> bool:
        if item is not None:
            items.put(item)
        # The main thread is over before the interpreter waits for this one.
        return cancellation.cancelled or not threading.main_thread().is_alive()

    cancellation.on_cancel(lambda: items.put(_End(Cancelled())))
    remove = consumer.on_cancel(cancellation.cancel)
    try:
        start_thread(
            lambda: work(emit),
            name=name,
            cancellation=cancellation,
            ended=lambda error: items.put(_End(error)),
        )
        while not isinstance(item := items.get(), _End):
            yield item
    finally:
        remove()
        cancellation.cancel()
    if item.error is not None:
        raise item.error


@contextmanager
def in_turn(turns: threading.Semaphore) -> Iterator[None]:
    """Wait until the engine is free for one more request.

    Raises:
        Cancelled: Nobody waits for the answer any more; the request has not begun.
    """
    cancellation = current() or Cancellation()
    while not turns.acquire(timeout=_LOOK_SECONDS):
        cancellation.check()
    try:
        cancellation.check()
        yield
    finally:
        turns.release()
