"""Streams the output of an engine's blocking call to a consumer, which can stop it."""

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
    """Run `work` in a separate thread and yield its items as they are emitted.

    `work` receives a function `emit`, which takes the next item (or None) and returns whether
    to stop: True once the consumer has closed this generator, the consumer's work has been
    cancelled or the program is ending. Neither closing nor cancelling waits for `work` to end.

    Args:
        work: The blocking call.
        name: Name of the thread.

    Raises:
        Exception: Whatever `work` raises.
        RuntimeError: `work` ended with a `BaseException` that is not an `Exception`.
        Cancelled: The consumer's work was cancelled.
    """
    items: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
    consumer, cancellation = current() or Cancellation(), Cancellation()
    consumer.check()

    def emit(item: Item | None) -> bool:
        if item is not None:
            items.put(item)
        # The interpreter joins this thread only after the main thread has ended.
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
    """Hold one of the engine's slots, waiting until one is free.

    Raises:
        Cancelled: The answer was cancelled before the request started.
    """
    cancellation = current() or Cancellation()
    while not turns.acquire(timeout=_LOOK_SECONDS):
        cancellation.check()
    try:
        cancellation.check()
        yield
    finally:
        turns.release()
