"""Waiting for the chain: in order, interruptible, and the model stops."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from assistant.answering.stream import events_while_waited_for
from assistant.documents import Answer, Delta, Retrieved
from assistant.errors import ChatModelError
from tests.builders import make_retrieved
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
        yield make_retrieved()
        time.sleep(3)
        yield Delta("late")

    events = events_while_waited_for(start, tick_seconds=0.1)  # type: ignore[arg-type]
    async with aclosing(events):
        async for _ in events:
            break
        before = time.monotonic()
    assert time.monotonic() - before < 1
