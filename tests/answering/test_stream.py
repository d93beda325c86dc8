"""Waiting for the chain: in order, interruptible, and the model stops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from assistant.answering.stream import events_while_waited_for
from assistant.cancellation import Cancellation, current
from assistant.documents import Answer, Delta, Retrieved
from assistant.errors import ChatModelError
from tests.ui.demo import (
    ANSWER,
    QUESTION,
    build_sample_index,
    make_demo_chain,
    make_model,
    model_failure,
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sample_index(tmp_path_factory.mktemp("sample"))


async def test_events_come_in_order(index: Path) -> None:
    chain = make_demo_chain(index, make_model())
    events = [
        event
        async for event in events_while_waited_for(
            lambda config: chain.answer(QUESTION, config=config), tick_seconds=5
        )
    ]
    assert isinstance(events[0], Retrieved)
    assert isinstance(events[-1], Answer)
    assert "".join(e.text for e in events if isinstance(e, Delta)) == events[-1].text
    assert None not in events


async def test_a_waiting_page_is_told_that_time_passes(index: Path) -> None:
    chain = make_demo_chain(index, make_model(reading_seconds=0.5))
    kinds = [
        type(event)
        async for event in events_while_waited_for(
            lambda config: chain.answer(QUESTION, config=config), tick_seconds=0.1
        )
    ]
    first_word = kinds.index(Delta)
    assert kinds[:first_word].count(type(None)) >= 2


async def test_errors_of_the_chain_are_raised(index: Path) -> None:
    chain = make_demo_chain(index, make_model(fails=model_failure()))
    with pytest.raises(ChatModelError):
        async for _ in events_while_waited_for(
            lambda config: chain.answer(QUESTION, config=config), tick_seconds=5
        ):
            pass


@pytest.mark.parametrize("leave_at", [Retrieved, Delta])
async def test_leaving_stops_the_model_while_it_reads_and_while_it_writes(
    index: Path, leave_at: type
) -> None:
    model = make_model(
        ANSWER * 20, reading_seconds=60 if leave_at is Retrieved else 0, piece_seconds=0.02
    )
    chain = make_demo_chain(index, model)
    events = events_while_waited_for(
        lambda config: chain.answer(QUESTION, config=config), tick_seconds=0.2
    )
    async with aclosing(events):
        async for event in events:
            if isinstance(event, leave_at):
                break
    assert await asyncio.to_thread(model.stopped.wait, 3)
    written = model.written
    await asyncio.sleep(0.2)
    assert model.written == written


async def test_stopping_does_not_wait_for_a_model_that_stands_still() -> None:
    def start(config: object) -> object:
        yield Retrieved((), answerable=True, confidence=1.0)
        time.sleep(3)
        yield Delta("late")

    events = events_while_waited_for(start, tick_seconds=0.1)  # type: ignore[arg-type]
    async with aclosing(events):
        async for _ in events:
            break
        before = time.monotonic()
    assert time.monotonic() - before < 1


class Panic(BaseException):
    """As the exception that a panic in Rust becomes; Chroma raises it on a damaged index."""


@pytest.mark.parametrize(
    "error", [Panic("range end out of bounds"), SystemExit("3"), ValueError("3")]
)
@pytest.mark.parametrize("begun", [False, True])
async def test_whatever_ends_the_thread_ends_the_wait(error: BaseException, begun: bool) -> None:
    def start(config: object) -> Iterator[Delta]:
        if begun:
            yield Delta("word")
        raise error

    async def wait() -> None:
        async for _ in events_while_waited_for(start, tick_seconds=0.05):
            pass

    with pytest.raises(Exception, match=str(error)) as raised:
        await asyncio.wait_for(wait(), 5)
    assert raised.value is error or raised.value.__cause__ is error


async def test_a_chain_that_cannot_be_started_ends_the_wait() -> None:
    def start(config: object) -> Iterator[Delta]:
        raise Panic("at once")

    with pytest.raises(RuntimeError, match="at once"):
        await asyncio.wait_for(anext(events_while_waited_for(start, tick_seconds=5)), 5)


async def test_closing_cancels_what_the_chain_runs_under() -> None:
    running: list[Cancellation] = []
    over = threading.Event()

    def start(config: object) -> Iterator[Delta]:
        cancellation = current()
        assert cancellation is not None
        running.append(cancellation)
        cancellation.on_cancel(over.set)
        yield Delta("word")
        assert over.wait(5)

    async with aclosing(events_while_waited_for(start, tick_seconds=5)) as events:
        await anext(events)
        assert not running[0].cancelled
    assert running[0].cancelled
    assert over.is_set()
    assert current() is None
