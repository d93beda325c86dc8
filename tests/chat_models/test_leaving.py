"""Whoever stops or leaves ends the work at a model server, whatever it is doing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from assistant.answering.stream import events_while_waited_for
from assistant.cancellation import Cancellation, Cancelled, start_thread
from assistant.chat_models import openai_compatible
from assistant.documents import Delta
from tests.chat_models.contract import eventually
from tests.chat_models.openai_server import OpenAIServer, serving
from tests.chat_models.test_openai_compatible import load

# Fewer than its seconds, so that a slow machine does not fail the test.
WITHIN_A_SECOND = 1.0
EVERY_WAY_TO_WAIT = pytest.mark.parametrize("model", ["silent", "reading", "stalling", "slow"])


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving() as running:
        yield running


def ask_in_thread(
    model: openai_compatible.OpenAICompatibleChatModel, ask: str
) -> tuple[Cancellation, threading.Event, list[BaseException]]:
    """Ask in a thread under a cancellation of its own."""
    cancellation, over, raised = Cancellation(), threading.Event(), []

    def work() -> None:
        try:
            list(model.stream("alpha")) if ask == "stream" else model.invoke("alpha")
        except BaseException as error:
            raised.append(error)
            raise

    start_thread(
        work, name="asking", cancellation=cancellation, ended=lambda _: over.set(), daemon=True
    )
    return cancellation, over, raised


@EVERY_WAY_TO_WAIT
@pytest.mark.parametrize("ask", ["stream", "invoke"])
def test_the_server_sees_that_its_reader_left(server: OpenAIServer, model: str, ask: str) -> None:
    if ask == "invoke" and model != "silent":
        pytest.skip("the server misbehaves so in streams only")
    cancellation, over, raised = ask_in_thread(load(server, model, chat_timeout_seconds=60), ask)
    assert eventually(lambda: server.open == 1)
    time.sleep(0.1)
    started = time.monotonic()
    cancellation.cancel()
    assert eventually(lambda: server.open == 0, WITHIN_A_SECOND)
    assert over.wait(WITHIN_A_SECOND - (time.monotonic() - started))
    assert isinstance(raised[0], Cancelled)
    assert len(server.asked) == 1


def test_a_request_that_nobody_waits_for_is_not_sent(server: OpenAIServer) -> None:
    model = load(server, "tiny")
    cancellation = Cancellation()
    cancellation.cancel()
    over = threading.Event()
    start_thread(
        lambda: list(model.stream("alpha")),
        name="asking",
        cancellation=cancellation,
        ended=lambda _: over.set(),
    )
    assert over.wait(5)
    assert server.asked == []


def test_the_end_of_one_answer_leaves_the_others_alone(server: OpenAIServer) -> None:
    model = load(server, "tiny")
    first, over, raised = ask_in_thread(model, "stream")
    assert over.wait(5)
    assert not raised
    stalling = load(server, "stalling")
    _, second_over, _ = ask_in_thread(stalling, "stream")
    assert eventually(lambda: server.open == 1)
    first.cancel()
    time.sleep(0.2)
    assert server.open == 1
    assert not second_over.is_set()
    server.released.set()
    assert second_over.wait(5)


@pytest.mark.parametrize("model", ["silent", "slow"])
async def test_visitors_who_ask_and_leave_leave_nothing_behind(
    server: OpenAIServer, model: str
) -> None:
    chat_model = load(server, model, chat_timeout_seconds=60)
    before = {thread.ident for thread in threading.enumerate()}

    def start(config: object) -> Iterator[Delta]:
        for chunk in chat_model.stream("alpha", config):  # type: ignore[arg-type]
            yield Delta(str(chunk.text))

    async def visit() -> None:
        async with aclosing(events_while_waited_for(start, tick_seconds=0.05)) as events:
            async for _ in events:
                if server.open:
                    break

    def mine() -> int:
        return sum(
            thread.name == "answer" and thread.ident not in before
            for thread in threading.enumerate()
        )

    await asyncio.gather(*(visit() for _ in range(60)))
    assert await asyncio.to_thread(eventually, lambda: server.open == 0 and mine() == 0, 5)
