"""Limits on answers written at once and on questions waiting, shared by the page and all APIs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from assistant.cancellation import Cancelled, current
from assistant.errors import BusyError


class WritingSlots:
    """A first-come, first-served queue for writing answers.

    Args:
        at_once: Number of answers written concurrently.
        most_waiting: Number of questions that may wait for a slot.
    """

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self.at_once = at_once
        self.most_waiting = most_waiting
        self._lock = threading.Condition()
        self._writing = 0
        self._line: deque[object] = deque()

    @property
    def waiting(self) -> int:
        """Number of questions waiting for a slot."""
        return len(self._line)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a slot, blocking the thread until one is free.

        Raises:
            BusyError: Too many questions are already waiting.
            Cancelled: The current work was cancelled while waiting.
        """
        self._take()
        try:
            yield
        finally:
            with self._lock:
                self._writing -= 1
                self._lock.notify_all()

    def _take(self) -> None:
        cancellation = current()
        ticket = object()
        with self._lock:
            if self._is_full():
                raise self._busy()
            self._line.append(ticket)
        forget = cancellation.on_cancel(self._wake) if cancellation else None
        try:
            with self._lock:
                while not (cancellation and cancellation.cancelled):
                    if self._line[0] is ticket and self._writing < self.at_once:
                        self._writing += 1
                        return
                    self._lock.wait()
            raise Cancelled
        finally:
            if forget is not None:
                forget()
            with self._lock:
                self._line.remove(ticket)
                self._lock.notify_all()

    def _is_full(self) -> bool:
        free = self.at_once - self._writing
        return len(self._line) >= max(free, 0) + self.most_waiting

    def _wake(self) -> None:
        with self._lock:
            self._lock.notify_all()

    def _busy(self) -> BusyError:
        return BusyError(
            f"{len(self._line)} questions are already waiting for an answer",
            expected=f"at most {self.most_waiting}",
            action="Ask again in a few minutes, or raise ASSISTANT_MAX_WAITING_QUESTIONS.",
        )
