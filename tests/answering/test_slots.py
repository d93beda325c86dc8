"""Places for writing: how many, in which order, and how one leaves the line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from assistant.answering.slots import WritingSlots
from assistant.cancellation import Cancellation, Cancelled, under
from assistant.errors import BusyError


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_as_many_as_may_and_the_others_in_their_order() -> None:
    slots = WritingSlots(2, 10)
    at_once, most, order = 0, 0, []
    lock, go_on = threading.Lock(), threading.Event()

    def write(name: int) -> None:
        nonlocal at_once, most
        with slots.place():
            with lock:
                at_once += 1
                most = max(most, at_once)
                order.append(name)
            go_on.wait(10)
            with lock:
                at_once -= 1

    threads = []
    for name in range(6):
        threads.append(threading.Thread(target=write, args=(name,)))
        threads[-1].start()
        until(lambda name=name: len(order) + slots.waiting == name + 1)  # type: ignore[misc]
    assert slots.waiting == 4
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert most == 2
    assert order[:2] == [0, 1]
    assert set(order) == set(range(6))
    assert slots.waiting == 0


def test_too_many_are_told() -> None:
    slots = WritingSlots(1, 0)
    with slots.place(), pytest.raises(BusyError, match="0 questions"), slots.place():
        pass
    with slots.place():
        pass


def test_a_place_is_free_again_after_an_error() -> None:
    slots = WritingSlots(1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.place():
            raise ZeroDivisionError


def test_who_is_cancelled_leaves_the_line_at_once() -> None:
    slots, cancellation, left = WritingSlots(1, 5), Cancellation(), []

    def wait() -> None:
        try:
            with under(cancellation), slots.place():
                left.append("wrote")
        except Cancelled:
            left.append("left")

    with slots.place():
        waiting = threading.Thread(target=wait)
        waiting.start()
        until(lambda: slots.waiting == 1)
        cancellation.cancel()
        waiting.join(1)
        assert (left, slots.waiting) == (["left"], 0)
    with slots.place():
        pass
