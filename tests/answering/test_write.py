"""The writer alone: its limits, and why an answer ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from assistant.answering.write import Writer
from assistant.documents import Answer, AnswerEvent, Delta
from assistant.errors import ChatModelError
from tests.builders import make_hit, make_retrieved
from tests.fakes import ScriptedChatModel

FOUND = make_retrieved(hits=(make_hit(text="set quant_policy to 8"), make_hit(rank=2)))


class EndlessChatModel(ScriptedChatModel):
    """Writes one piece for ever, whatever was asked.

    Attributes:
        piece: What it writes.
        seconds: Between pieces.
        closed: Whether it was stopped.
        written: Pieces so far.
    """

    piece: str = "word "
    seconds: float = 0.0
    closed: bool = False
    written: int = 0

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        try:
            while True:
                time.sleep(self.seconds)
                self.written += 1
                yield ChatGenerationChunk(message=AIMessageChunk(content=self.piece))
        finally:
            self.closed = True


class EndingChatModel(ScriptedChatModel):
    """Ends with a reason, as servers and local models do, and then tells its tokens."""

    reason: str

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        *pieces, usage = super()._stream(messages)
        yield from pieces
        last = AIMessageChunk(content="", response_metadata={"finish_reason": self.reason})
        yield ChatGenerationChunk(message=last)
        yield usage


def written(writer: Writer, **fields: Any) -> tuple[list[AnswerEvent], Answer]:
    *events, answer = writer.write(make_retrieved(**({"hits": FOUND.hits} | fields)))
    assert isinstance(answer, Answer)
    assert "".join(e.text for e in events if isinstance(e, Delta)) == answer.text
    return events, answer


def test_a_model_that_ignores_the_length_of_an_answer_is_stopped() -> None:
    model = EndlessChatModel(replies=[])
    _, answer = written(Writer(model, passages_tokens=100, answer_tokens=20))
    assert answer.finish_reason == "length"
    assert answer.text.startswith("word word ")
    assert 20 * 10 < len(answer.text) < 20 * 20
    assert model.closed


def test_one_endless_piece_is_cut() -> None:
    model = EndlessChatModel(replies=[], piece="word " * 100_000)
    _, answer = written(Writer(model, passages_tokens=100, answer_tokens=20))
    assert len(answer.text) < 20 * 20
    assert model.written == 1


def test_an_answer_of_the_length_that_is_allowed_is_whole() -> None:
    model = ScriptedChatModel(replies=["word " * 20 + "[1]"])
    _, answer = written(Writer(model, passages_tokens=100, answer_tokens=20))
    assert answer.finish_reason == "stop"
    assert answer.text == "word " * 20 + "[1]"


def test_an_answer_that_takes_too_long_keeps_what_is_written() -> None:
    model = EndlessChatModel(replies=[], seconds=0.02)
    before = time.monotonic()
    _, answer = written(Writer(model, passages_tokens=100, answer_seconds=0.2))
    assert time.monotonic() - before < 5
    assert (answer.finish_reason, answer.refused) == ("time", False)
    assert answer.text.startswith("word ")
    assert model.closed


def test_an_answer_that_has_ended_is_not_too_late_by_its_count_of_tokens() -> None:
    class SlowToCount(EndingChatModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            for chunk in super()._stream(*args, **kwargs):
                if chunk.message.usage_metadata:  # type: ignore[attr-defined]
                    time.sleep(0.3)
                yield chunk

    model = SlowToCount(replies=["ok [1]"], reason="stop")
    _, answer = written(Writer(model, passages_tokens=100, answer_seconds=0.2))
    assert (answer.finish_reason, answer.prompt_tokens) == ("stop", 7)


def test_a_model_that_has_no_word_in_time_has_failed() -> None:
    model = EndlessChatModel(replies=[], piece="", seconds=0.02)
    with pytest.raises(ChatModelError, match=r"the model wrote nothing within 0\.1 seconds"):
        written(Writer(model, passages_tokens=100, answer_seconds=0.1))
    assert model.closed


@pytest.mark.parametrize(
    ("said", "reason"), [("stop", "stop"), ("length", "length"), ("content_filter", "stop")]
)
def test_the_model_says_why_it_ended(said: str, reason: str) -> None:
    model = EndingChatModel(replies=["Set it to 8 [1]."], reason=said)
    _, answer = written(Writer(model, passages_tokens=100))
    assert answer.finish_reason == reason
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, 3)


def test_an_answer_that_is_asked_for_again_ended_as_the_second_did() -> None:
    model = ScriptedChatModel(replies=["[1]", "Set it to 8."])
    _, answer = written(Writer(model, passages_tokens=100))
    assert (answer.finish_reason, answer.prompt_tokens) == ("stop", 14)


@pytest.mark.parametrize(("said", "shown"), [("<\u200bs>", "<s>"), ("a\u200bb", "a\u200bb")])
def test_a_quoted_token_is_restored_across_pieces(said: str, shown: str) -> None:
    class ByCharacter(ScriptedChatModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            for character in self.replies[0]:
                yield ChatGenerationChunk(message=AIMessageChunk(content=character))

    writer = Writer(ByCharacter(replies=[f"Write {said}"]), passages_tokens=600)
    assert written(writer)[1].text == f"Write {shown}"


def test_numbers_that_start_at_five() -> None:
    model = ScriptedChatModel(replies=["Set it to 8 [5]. Not [1]."])
    _, answer = written(Writer(model, passages_tokens=100), first_number=5)
    assert answer.text == "Set it to 8 [5]. Not ."
    assert [(c.number, c.hit.rank) for c in answer.citations] == [(5, 1)]
    prompt = str(model.asked[0][-1].content)
    assert "[5] lmdeploy" in prompt
    assert "[6] lmdeploy" in prompt
    assert "[1] lmdeploy" not in prompt


def test_a_forgotten_citation_gets_the_number_and_not_the_rank() -> None:
    model = ScriptedChatModel(replies=["You set quant_policy to 8."])
    _, answer = written(Writer(model, passages_tokens=100), first_number=5)
    assert answer.text == "You set quant_policy to 8. [5]"


def test_the_model_names_itself_where_no_other_name_is_given() -> None:
    class Named(ScriptedChatModel):
        model_name: str = "tiny"

    model = Named(replies=["ok [1]"])
    assert written(Writer(model, passages_tokens=100))[1].model == "tiny"
    assert written(Writer(model, model_name="large", passages_tokens=100))[1].model == "large"


def test_times_count_from_the_question() -> None:
    model = ScriptedChatModel(replies=["ok [1]"])
    timings = written(Writer(model, passages_tokens=100), milliseconds=4000.0)[1].timings
    assert timings.first_token is not None
    assert timings.retrieve == 4000 <= timings.first_token <= timings.total < 9000
