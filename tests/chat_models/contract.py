"""What every chat model of this project does; each backend's tests inherit it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata

from assistant.cancellation import Cancellation, start_thread
from assistant.errors import ChatModelError

QUESTION = "What is the answer? 书生·浦语 是什么？"
CONVERSATION = [
    SystemMessage("You answer in one word. 用一个词回答。"),
    HumanMessage("alpha"),
    AIMessage("beta"),
    HumanMessage("gamma 🙂 <b>bold</b> & \u200b"),
]


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether the condition comes true before the time is over."""
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        threading.Event().wait(0.01)
    return met


def leave(stream: Iterator[object]) -> None:
    """Stop reading, as a visitor who leaves."""
    assert isinstance(stream, Generator)
    stream.close()


def usage(message: AIMessage) -> UsageMetadata:
    """The tokens that a message tells."""
    assert message.usage_metadata is not None
    return message.usage_metadata


def ask_under(
    cancellation: Cancellation, model: BaseChatModel, question: str
) -> tuple[threading.Event, list[Exception | None]]:
    """Ask in a thread; the event is set at its end, and the list holds why it ended."""
    over = threading.Event()
    ends: list[Exception | None] = []

    def ended(error: Exception | None) -> None:
        ends.append(error)
        over.set()

    start_thread(
        lambda: list(model.stream(question)), name="asking", cancellation=cancellation, ended=ended
    )
    return over, ends


def cause_of(ends: list[Exception | None]) -> BaseException | None:
    """What the first of the errors came of."""
    assert ends[0] is not None
    return ends[0].__cause__


class ChatModelContract:
    """A subclass gives `model` (temperature 0, context of 4096) and `meter`.

    `meter()` is the number of tokens or words that the engine has written so far.
    """

    @pytest.fixture
    def model(self) -> BaseChatModel:
        raise NotImplementedError

    @pytest.fixture
    def meter(self) -> Callable[[], int]:
        raise NotImplementedError

    def test_an_answer_is_text_and_the_same_every_time(self, model: BaseChatModel) -> None:
        first, second = (model.invoke(QUESTION, max_tokens=12) for _ in range(2))
        assert isinstance(first, AIMessage)
        assert isinstance(first.content, str)
        assert len(first.text.split()) >= 5
        assert first.text == second.text

    def test_a_stream_comes_in_pieces_that_make_up_the_answer(self, model: BaseChatModel) -> None:
        chunks = list(model.stream(QUESTION, max_tokens=12))
        assert sum(bool(chunk.text) for chunk in chunks) >= 5
        whole = model.invoke(QUESTION, max_tokens=12)
        assert "".join(chunk.text for chunk in chunks) == whole.text

    async def test_an_asynchronous_stream_says_the_same(self, model: BaseChatModel) -> None:
        chunks = [chunk async for chunk in model.astream(QUESTION, max_tokens=12)]
        assert (
            "".join(chunk.text for chunk in chunks)
            == (await model.ainvoke(QUESTION, max_tokens=12)).text
        )

    def test_the_last_chunk_tells_the_tokens(self, model: BaseChatModel) -> None:
        chunks = list(model.stream(QUESTION, max_tokens=8))
        told = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
        assert len(told) == 1
        assert told[0]["input_tokens"] > 5
        assert told[0]["output_tokens"] == 8
        assert told[0]["total_tokens"] == told[0]["input_tokens"] + 8
        assert not any(chunk.text for chunk in chunks[chunks.index(chunks[-1]) :])
        assert usage(model.invoke(QUESTION, max_tokens=8))["output_tokens"] == 8

    def test_why_an_answer_ended(self, model: BaseChatModel) -> None:
        whole = model.invoke(QUESTION, max_tokens=8)
        assert whole.response_metadata["finish_reason"] == "length"
        last = list(model.stream(QUESTION, max_tokens=8))[-1]
        assert last.response_metadata["finish_reason"] == "length"
        word = whole.text.split()[3]
        cut = model.invoke(QUESTION, max_tokens=8, stop=[word])
        assert cut.response_metadata["finish_reason"] == "stop"

    @pytest.mark.parametrize(("start", "length"), [(0, 1), (3, 9), (10, 4), (20, 12)])
    def test_an_answer_ends_before_a_stop_sequence(
        self, model: BaseChatModel, start: int, length: int
    ) -> None:
        whole = model.invoke(QUESTION, max_tokens=20).text
        stop = whole[start : start + length]
        expected = whole[: whole.index(stop)]
        chunks = [chunk.text for chunk in model.stream(QUESTION, max_tokens=20, stop=[stop])]
        assert "".join(chunks) == expected
        assert model.invoke(QUESTION, max_tokens=20, stop=["nowhere", stop]).text == expected

    def test_the_beginning_of_a_stop_sequence_is_text(self, model: BaseChatModel) -> None:
        whole = model.invoke(QUESTION, max_tokens=10).text
        stop = [f" {word}!" for word in whole.split()[1:4]] + [""]
        assert model.invoke(QUESTION, max_tokens=10, stop=stop).text == whole

    def test_history_is_read(self, model: BaseChatModel) -> None:
        short = usage(model.invoke("alpha", max_tokens=2))
        long = usage(model.invoke(CONVERSATION, max_tokens=2))
        assert long["input_tokens"] > short["input_tokens"] + 5

    def test_an_empty_message_and_a_batch(self, model: BaseChatModel) -> None:
        empty, full = model.batch(["", "alpha"], max_tokens=2)
        assert empty.text
        assert full.text

    def test_tokens_are_counted(self, model: BaseChatModel) -> None:
        assert model.get_num_tokens("") == 0
        text = "LMDeploy 支持 KV Cache 量化 (`--quant-policy 8`)。\n"
        once, twice = model.get_num_tokens(text), model.get_num_tokens(text * 2)
        assert 10 <= once < twice <= 2 * once
        assert model.get_num_tokens_from_messages(CONVERSATION) > 10

    def test_an_abandoned_stream_stops_the_engine(
        self, model: BaseChatModel, meter: Callable[[], int]
    ) -> None:
        before = meter()
        stream = model.stream(QUESTION, max_tokens=3000)
        assert next(stream) is not None
        leave(stream)
        assert eventually(lambda: not _grows(meter))
        assert meter() - before < 2000
        assert model.invoke(QUESTION, max_tokens=2).text

    async def test_an_abandoned_asynchronous_stream_stops_the_engine(
        self, model: BaseChatModel, meter: Callable[[], int]
    ) -> None:
        before = meter()
        stream = model.astream(QUESTION, max_tokens=3000)
        assert await anext(stream) is not None
        assert isinstance(stream, AsyncGenerator)
        await stream.aclose()
        assert await asyncio.to_thread(eventually, lambda: not _grows(meter))
        assert meter() - before < 2000

    def test_questions_at_the_same_time_do_not_mix(self, model: BaseChatModel) -> None:
        questions = [f"{word} alpha" for word in ("beta", "gamma", "delta", "omega")]
        alone = [model.invoke(question, max_tokens=15).text for question in questions]
        with ThreadPoolExecutor(4) as together:
            answers = together.map(lambda q: model.invoke(q, max_tokens=15).text, questions)
        assert list(answers) == alone

    def test_a_prompt_that_is_too_long_is_an_error_and_the_next_one_is_not(
        self, model: BaseChatModel
    ) -> None:
        with pytest.raises(ChatModelError) as raised:
            model.invoke("alpha beta gamma delta " * 2500)
        assert "ASSISTANT_" in raised.value.action
        assert model.invoke("alpha", max_tokens=2).text

    def test_identity(self, model: BaseChatModel) -> None:
        assert model._llm_type
        known = str(model._identifying_params)
        assert str(model.model_dump()["model_name"]) in known
        assert "secret" not in known + repr(model)


def _grows(meter: Callable[[], int]) -> bool:
    before = meter()
    threading.Event().wait(0.1)
    return meter() > before
