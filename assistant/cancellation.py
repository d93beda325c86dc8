"""Cancels work in a thread once nobody is waiting for its result.

The waiting side holds a `Cancellation` and cancels it. The work polls the `current` one, or
registers a callback where its thread blocks and cannot poll.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)


class Cancelled(BaseException):
    """The work was cancelled. Not an `Exception`, so that error handlers let it pass."""


class Cancellation:
    """A flag by which one thread tells others to stop working; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._callbacks: dict[object, Callable[[], object]] = {}

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Ask the work to end, and run the callbacks in this thread. Further calls do nothing."""
        with self._lock:
            self._cancelled = True
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            _call(callback)

    def on_cancel(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `cancel` call `callback` once; call it now if already cancelled.

        The callback runs in the cancelling thread, often an event loop's, so it must not
        block. Exceptions it raises are logged.

        Returns:
            A function that removes the callback.
        """
        key = object()
        with self._lock:
            cancelled = self._cancelled
            if not cancelled:
                self._callbacks[key] = callback
        if cancelled:
            _call(callback)

        def remove() -> None:
            with self._lock:
                self._callbacks.pop(key, None)

        return remove

    def check(self) -> None:
        """Raise if the work was cancelled.

        Raises:
            Cancelled: `cancel` was called.
        """
        if self._cancelled:
            raise Cancelled


_CURRENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


def current() -> Cancellation | None:
    """The cancellation that applies to the calling thread or task; None if there is none."""
    return _CURRENT.get()


@contextmanager
def under(cancellation: Cancellation) -> Iterator[None]:
    """Make `cancellation` the current one within a `with` block."""
    token = _CURRENT.set(cancellation)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def start_thread(
    work: Callable[[], object],
    *,
    name: str,
    cancellation: Cancellation,
    ended: Callable[[Exception | None], None],
    daemon: bool = False,
) -> None:
    """Run `work` in a new thread, and report how it ended.

    Args:
        work: Runs with `cancellation` as the current one.
        name: Name of the thread.
        cancellation: Cancels the work.
        ended: Called once, in the new thread: with None if `work` returned, otherwise with
            the exception. One that is not an `Exception`, such as a panic in a Rust library,
            becomes the cause of a `RuntimeError`.
        daemon: Whether the interpreter may exit before the thread ends.
    """

    def run() -> None:
        end: Exception | None = RuntimeError(f"the thread {name!r} ended without a reason")
        try:
            with under(cancellation):
                work()
            end = None
        except Exception as error:  # noqa: BLE001 (handed to whoever waits)
            end = error
        except BaseException as error:  # noqa: BLE001 (handed to whoever waits)
            end = RuntimeError(f"the thread {name!r} ended: {type(error).__name__}: {error}")
            end.__cause__ = error
        finally:
            ended(end)

    threading.Thread(target=run, name=name, daemon=daemon).start()


def _call(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:
        logger.exception("A cancellation callback failed")
