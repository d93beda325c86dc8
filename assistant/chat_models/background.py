"""Lets a consumer read what a blocking call writes; knows nothing of models or text."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Emit = Callable[[Item | None], bool]


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None = None


def read_from_thread(work: Callable[[Emit[Item]], None], name: str) -> Generator[Item, None, None]:
    """Run `work` in a thread of its own and yield what it emits, as it comes.

    `work` gets a function that takes the next item (None for none) and tells whether to
    stop: True once the consumer has closed this generator or the program is ending.
    Closing does not wait for `work` to end. What `work` raises is raised here.
    """
    items: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
    abandoned = threading.Event()

    def emit(item: Item | None) -> bool:
        if item is not None:
            items.put(item)
        # The main thread is over before the interpreter waits for this one.
        return abandoned.is_set() or not threading.main_thread().is_alive()

    def run() -> None:
        try:
            work(emit)
        except Exception as error:  # noqa: BLE001 - raised again in the consumer's thread
            items.put(_End(error))
        else:
            items.put(_End())

    threading.Thread(target=run, name=name).start()
    try:
        while not isinstance(item := items.get(), _End):
            yield item
    finally:
        abandoned.set()
    if item.error is not None:
        raise item.error
