"""Ends work that runs in a thread when nobody waits for its result any more.

Whoever waits holds a `Cancellation` and cancels it; the work asks for the `current` one, or has
it call back where a thread is blocked and cannot ask.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)


class Cancelled(BaseException):
    """The work was cancelled. Not an `Exception`, so that no handler of errors takes it for one."""


class Cancellation:
    """Whether the work may end, told by one thread to others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._callbacks: dict[object, Callable[[], object]] = {}

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Have the work end. Runs the callbacks in this thread; a second call does nothing."""
        with self._lock:
            self._cancelled = True
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            _call(callback)

    def on_cancel(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called once by `cancel`, or now if that was called before.

        It runs in the thread that cancels, often that of an event loop: it must not block. What
        it raises is logged.

        Returns:
            A function that takes the callback back.
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
        """Do nothing while the work is wanted.

        Raises:
            Cancelled: It is not any more.
        """
        if self._cancelled:
            raise Cancelled


_CURRENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


def current() -> Cancellation | None:
    """The cancellation of the work that this thread or task does; None where there is none."""
    return _CURRENT.get()


@contextmanager
def under(cancellation: Cancellation) -> Iterator[None]:
    """Make a cancellation the current one for the body of a `with`."""
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
    """Run `work` in a thread of its own, and report its end whatever that is.

    Args:
        work: Runs with `cancellation` as the current one.
        name: Of the thread.
        cancellation: Ends the work.
        ended: Called once, in the new thread: with None after `work` returned, else with what
            it raised. What is not an `Exception`, such as the panic of a library in Rust,
            comes as the cause of a `RuntimeError`.
        daemon: Whether the interpreter may end before the thread does.
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
        logger.exception("A callback of a cancellation failed")
