"""What every chat model of this project does; each backend's tests inherit it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

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

    def test_an_answer_is_text_and_the_same_every_time(self, model):
        first, second = (model.invoke(QUESTION, max_tokens=12) for _ in range(2))
        assert isinstance(first, AIMessage)
        assert isinstance(first.content, str)
        assert len(first.content.split()) >= 5
        assert first.content == second.content

    def test_a_stream_comes_in_pieces_that_make_up_the_answer(self, model):
        chunks = list(model.stream(QUESTION, max_tokens=12))
        assert sum(bool(chunk.content) for chunk in chunks) >= 5
        whole = model.invoke(QUESTION, max_tokens=12)
        assert "".join(chunk.content for chunk in chunks) == whole.content

    async def test_an_asynchronous_stream_says_the_same(self, model):
        chunks = [chunk async for chunk in model.astream(QUESTION, max_tokens=12)]
        assert (
            "".join(chunk.content for chunk in chunks)
            == (await model.ainvoke(QUESTION, max_tokens=12)).content
        )

    def test_the_last_chunk_tells_the_tokens(self, model):
        chunks = list(model.stream(QUESTION, max_tokens=8))
        told = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
        assert len(told) == 1
        assert told[0]["input_tokens"] > 5
        assert told[0]["output_tokens"] == 8
        assert told[0]["total_tokens"] == told[0]["input_tokens"] + 8
        assert not any(chunk.content for chunk in chunks[chunks.index(chunks[-1]) :])
        assert model.invoke(QUESTION, max_tokens=8).usage_metadata["output_tokens"] == 8

    def test_why_an_answer_ended(self, model):
        whole = model.invoke(QUESTION, max_tokens=8)
        assert whole.response_metadata["finish_reason"] == "length"
        last = list(model.stream(QUESTION, max_tokens=8))[-1]
        assert last.response_metadata["finish_reason"] == "length"
        word = whole.content.split()[3]
        cut = model.invoke(QUESTION, max_tokens=8, stop=[word])
        assert cut.response_metadata["finish_reason"] == "stop"

    @pytest.mark.parametrize(("start", "length"), [(0, 1), (3, 9), (10, 4), (20, 12)])
    def test_an_answer_ends_before_a_stop_sequence(self, model, start, length):
        whole = model.invoke(QUESTION, max_tokens=20).content
        stop = whole[start : start + length]
        expected = whole[: whole.index(stop)]
        chunks = [chunk.content for chunk in model.stream(QUESTION, max_tokens=20, stop=[stop])]
        assert "".join(chunks) == expected
        assert model.invoke(QUESTION, max_tokens=20, stop=["nowhere", stop]).content == expected

    def test_the_beginning_of_a_stop_sequence_is_text(self, model):
        whole = model.invoke(QUESTION, max_tokens=10).content
        stop = [f" {word}!" for word in whole.split()[1:4]] + [""]
        assert model.invoke(QUESTION, max_tokens=10, stop=stop).content == whole

    def test_history_is_read(self, model):
        short = model.invoke("alpha", max_tokens=2).usage_metadata
        long = model.invoke(CONVERSATION, max_tokens=2).usage_metadata
        assert long["input_tokens"] > short["input_tokens"] + 5

    def test_an_empty_message_and_a_batch(self, model):
        empty, full = model.batch(["", "alpha"], max_tokens=2)
        assert empty.content
        assert full.content

    def test_tokens_are_counted(self, model):
        assert model.get_num_tokens("") == 0
        text = "LMDeploy 支持 KV Cache 量化 (`--quant-policy 8`)。\n"
        once, twice = model.get_num_tokens(text), model.get_num_tokens(text * 2)
        assert 10 <= once < twice <= 2 * once
        assert model.get_num_tokens_from_messages(CONVERSATION) > 10

    def test_an_abandoned_stream_stops_the_engine(self, model, meter):
        before = meter()
        stream = model.stream(QUESTION, max_tokens=3000)
        assert next(stream) is not None
        stream.close()
        assert eventually(lambda: not _grows(meter))
        assert meter() - before < 2000
        assert model.invoke(QUESTION, max_tokens=2).content

    async def test_an_abandoned_asynchronous_stream_stops_the_engine(self, model, meter):
        before = meter()
        stream = model.astream(QUESTION, max_tokens=3000)
        assert await anext(stream) is not None
        await stream.aclose()
        assert await asyncio.to_thread(eventually, lambda: not _grows(meter))
        assert meter() - before < 2000

    def test_questions_at_the_same_time_do_not_mix(self, model):
        questions = [f"{word} alpha" for word in ("beta", "gamma", "delta", "omega")]
        alone = [model.invoke(question, max_tokens=15).content for question in questions]
        with ThreadPoolExecutor(4) as together:
            answers = together.map(lambda q: model.invoke(q, max_tokens=15).content, questions)
        assert list(answers) == alone

    def test_a_prompt_that_is_too_long_is_an_error_and_the_next_one_is_not(self, model):
        with pytest.raises(ChatModelError) as raised:
            model.invoke("alpha beta gamma delta " * 2500)
        assert "ASSISTANT_" in raised.value.action
        assert model.invoke("alpha", max_tokens=2).content

    def test_identity(self, model):
        assert model._llm_type
        known = str(model._identifying_params)
        assert str(model.model_name) in known
        assert "secret" not in known + repr(model)


def _grows(meter: Callable[[], int]) -> bool:
    before = meter()
    threading.Event().wait(0.1)
    return meter() > before
