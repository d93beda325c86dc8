"""Cancelling work in another thread."""

from __future__ import annotations

import logging
import threading

import pytest

from assistant.cancellation import Cancellation, Cancelled, current, start_thread, under


def test_callbacks_run_once() -> None:
    called: list[int] = []
    cancellation = Cancellation()
    cancellation.on_cancel(lambda: called.append(1))
    assert not cancellation.cancelled
    cancellation.check()
    cancellation.cancel()
    cancellation.cancel()
    assert called == [1]
    assert cancellation.cancelled
    with pytest.raises(Cancelled):
        cancellation.check()


def test_a_callback_that_comes_late_runs_at_once() -> None:
    called: list[int] = []
    cancellation = Cancellation()
    cancellation.cancel()
    cancellation.on_cancel(lambda: called.append(1))()
    assert called == [1]


def test_a_callback_can_be_taken_back() -> None:
    called: list[int] = []
    cancellation = Cancellation()
    remove = cancellation.on_cancel(lambda: called.append(1))
    remove()
    remove()
    cancellation.cancel()
    assert called == []


def test_a_callback_that_fails_keeps_none_from_running(caplog: pytest.LogCaptureFixture) -> None:
    called: list[int] = []
    cancellation = Cancellation()
    cancellation.on_cancel(lambda: 1 / 0)
    cancellation.on_cancel(lambda: called.append(1))
    with caplog.at_level(logging.ERROR):
        cancellation.cancel()
    assert called == [1]
    assert "ZeroDivisionError" in caplog.text


def test_a_callback_runs_once_also_where_threads_race() -> None:
    for _ in range(200):
        called: list[int] = []
        cancellation, together = Cancellation(), threading.Barrier(3)

        def register(
            cancellation: Cancellation = cancellation,
            together: threading.Barrier = together,
            called: list[int] = called,
        ) -> None:
            together.wait()
            cancellation.on_cancel(lambda: called.append(1))

        def cancel(
            cancellation: Cancellation = cancellation, together: threading.Barrier = together
        ) -> None:
            together.wait()
            cancellation.cancel()

        threads = [threading.Thread(target=work) for work in (register, cancel, cancel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert called == [1]


def test_the_current_one_is_that_of_the_thread() -> None:
    cancellation, seen = Cancellation(), []
    over = threading.Event()
    start_thread(
        lambda: seen.append(current()),
        name="work",
        cancellation=cancellation,
        ended=lambda _: over.set(),
    )
    assert over.wait(5)
    assert seen == [cancellation]
    assert current() is None
    with under(cancellation):
        assert current() is cancellation
    assert current() is None


class Panic(BaseException):
    """As the exception that a panic in Rust becomes."""


@pytest.mark.parametrize("kind", [ValueError, Panic, SystemExit, KeyboardInterrupt, Cancelled])
def test_every_end_of_a_thread_is_reported(kind: type[BaseException]) -> None:
    ends: list[Exception | None] = []
    over = threading.Event()

    def work() -> None:
        raise kind("index out of bounds")

    def ended(error: Exception | None) -> None:
        ends.append(error)
        over.set()

    start_thread(work, name="work", cancellation=Cancellation(), ended=ended)
    assert over.wait(5)
    [end] = ends
    assert end is not None
    assert isinstance(end, kind) or isinstance(end.__cause__, kind)
    assert "index out of bounds" in str(end)
