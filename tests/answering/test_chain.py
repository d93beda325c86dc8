"""The chain, with a scripted model and a real small index."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from assistant.answering.chain import AnswerChain
from assistant.answering.find import Finder, Standalone
from assistant.answering.follow_up import standalone_by_model, standalone_by_rules
from assistant.answering.grounding import shipped_calibration
from assistant.answering.slots import WritingSlots
from assistant.answering.write import Writer
from assistant.documents import (
    Answer,
    AnswerEvent,
    Delta,
    Question,
    Retrieved,
    SearchFilters,
    Turn,
)
from assistant.errors import ChatModelError, ImagesNotReadError, QuestionError, QuestionTooLongError
from assistant.retriever import KnowledgeRetriever
from tests.fakes import ScriptedChatModel
from tests.sample_index import build_pages, open_sample, sample_embedder

QUESTION = "how to quantize the kv cache online"
KV_EN = "lmdeploy/docs/en/quantization/kv_quant.md"
KV_ZH = "lmdeploy/docs/zh_cn/quantization/kv_quant.md"


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeRetriever]:
    folder = tmp_path_factory.mktemp("chain")
    build_pages(folder)
    index = open_sample(folder)
    yield KnowledgeRetriever(index=index, embedder=sample_embedder())
    index.close()


class Chains:
    """Makes chains over one index; remembers the model of the last one."""

    def __init__(self, retriever: KnowledgeRetriever) -> None:
        self.retriever = retriever

    def __call__(
        self,
        *replies: str,
        model: Any = None,
        threshold: float | None = None,
        standalone: Standalone = standalone_by_rules,
        slots: WritingSlots | None = None,
        **options: Any,
    ) -> AnswerChain:
        self.model = model or ScriptedChatModel(replies=list(replies))
        calibration = shipped_calibration("another")
        finder = Finder(
            self.retriever,
            calibration=lambda _: calibration,
            threshold=threshold,
            max_question_chars=500,
            standalone=standalone,
        )
        writer = Writer(self.model, **({"passages_tokens": 200} | options))
        return AnswerChain(finder, writer, slots)


@pytest.fixture
def chains(retriever: KnowledgeRetriever) -> Chains:
    return Chains(retriever)


def retrieved(events: list[AnswerEvent]) -> Retrieved:
    first = events[0]
    assert isinstance(first, Retrieved)
    return first


def answered(events: list[AnswerEvent]) -> Answer:
    last = events[-1]
    assert isinstance(last, Answer)
    return last


def test_events_come_in_order_and_the_answer_repeats_what_was_streamed(chains: Chains) -> None:
    events = list(chains("Set quant_policy to 8 [1]. Also [77].").answer(QUESTION))
    assert [type(event) for event in events[1:-1]] == [Delta] * (len(events) - 2)
    assert len(events) > 4
    first, answer = retrieved(events), answered(events)
    assert first.answerable
    assert 0.5 < first.confidence < 1
    assert first.searched_for == QUESTION
    assert first.hits[0].chunk.address == KV_EN
    assert answer.text == "".join(e.text for e in events if isinstance(e, Delta))
    assert answer.text == "Set quant_policy to 8 [1]. Also ."
    assert not answer.refused
    assert [(c.number, c.hit) for c in answer.citations] == [(1, first.hits[0])]
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, 3)
    timings = answer.timings
    assert timings.first_token is not None
    assert 0 < timings.retrieve <= timings.first_token <= timings.total


def test_invoke_gives_the_answer_and_stream_the_events(chains: Chains) -> None:
    chain = chains("ok [1]")
    assert chain.invoke(QUESTION).text == "ok [1]"
    assert chain.invoke(Question(QUESTION)).text == "ok [1]"
    assert isinstance(next(chain.stream(QUESTION)), Retrieved)
    answers = [answer for answer in chain.batch([QUESTION] * 2) if isinstance(answer, Answer)]
    assert [answer.text for answer in answers] == ["ok [1]"] * 2


def test_the_hits_are_there_before_the_model_is_asked(chains: Chains) -> None:
    events = chains("ok [1]").answer(QUESTION)
    assert isinstance(next(events), Retrieved)
    assert chains.model.asked == []
    assert isinstance(next(events), Delta)
    assert len(chains.model.asked) == 1


def test_the_model_reads_the_passages_with_their_numbers(chains: Chains) -> None:
    chains("ok [1]").invoke(QUESTION)
    (messages,) = chains.model.asked
    prompt = str(messages[-1].content)
    assert "[1] lmdeploy" in prompt
    assert "Set `quant_policy` to 8" in prompt
    assert QUESTION in prompt


def test_a_forgotten_citation_is_added_from_the_wording(chains: Chains) -> None:
    answer = chains("You set quant_policy to 8 to quantize the kv cache online.").invoke(QUESTION)
    assert answer.text.endswith(" [1]")
    assert [c.number for c in answer.citations] == [1]


@pytest.mark.parametrize(
    ("question", "words"),
    [("who won the zebra race of 1966", "I do not know"), ("谁赢了斑马比赛", "知识库里没有")],
)
def test_a_question_without_evidence_is_refused_and_the_model_is_not_asked(
    chains: Chains, question: str, words: str
) -> None:
    events = list(chains("made up").answer(question))
    assert not retrieved(events).answerable
    answer = answered(events)
    assert answer.refused
    assert words in answer.text
    assert "".join(e.text for e in events if isinstance(e, Delta)) == answer.text
    assert answer.citations == ()
    assert answer.timings.first_token is None
    assert (answer.model, answer.finish_reason) == ("", "refused")
    assert answer.index_version == retrieved(events).index_version
    assert chains.model.asked == []


def test_a_refusal_names_topics_that_are_there(chains: Chains) -> None:
    answer = chains("made up", threshold=1.1).invoke(QUESTION)
    assert answer.refused
    assert "lmdeploy: KV Cache Quantization" in answer.text


def test_a_threshold_of_ones_own_wins(chains: Chains) -> None:
    assert not chains("ok [1]", threshold=0.0).invoke("zebra").refused
    assert chains("ok [1]", threshold=1.1).invoke(QUESTION).refused


def test_filters_limit_what_is_found_and_read(chains: Chains) -> None:
    chain = chains("ok [1]", threshold=0.0)
    events = list(chain.answer(QUESTION, filters=SearchFilters(languages=("zh",))))
    found = [hit.chunk for hit in retrieved(events).hits]
    assert found[0].address == KV_ZH
    assert {chunk.language for chunk in found} == {"zh"}
    assert "Set `quant_policy`" not in str(chains.model.asked[0][-1].content)


def test_without_any_hit_there_is_a_refusal_whatever_the_threshold(chains: Chains) -> None:
    nowhere = SearchFilters(paths=("nowhere/**",))
    events = list(chains("made up", threshold=0.0).answer(QUESTION, filters=nowhere))
    assert retrieved(events).hits == ()
    assert not retrieved(events).answerable
    assert answered(events).refused
    assert chains.model.asked == []


def test_a_follow_up_is_searched_with_the_question_before_and_asked_as_it_is(
    chains: Chains,
) -> None:
    history = [Turn(Question("怎么在线量化 kv cache"), "设为 8 [1]。")]
    events = list(chains("好 [1]").answer("那显存呢？", history))
    assert retrieved(events).searched_for == "怎么在线量化 kv cache 那显存呢？"
    assert KV_ZH in [hit.chunk.address for hit in retrieved(events).hits[:2]]
    messages = chains.model.asked[0]
    assert [m.content for m in messages[1:3]] == ["怎么在线量化 kv cache", "设为 8 [1]。"]
    assert "那显存呢？" in str(messages[-1].content)


def test_history_comes_through_langchains_interface_too(chains: Chains) -> None:
    history = [Turn(Question("earlier question"), "earlier answer")]
    events = list(chains("yes [1]").stream((QUESTION, history)))
    assert retrieved(events).searched_for == QUESTION
    assert [m.content for m in chains.model.asked[0][1:3]] == ["earlier question", "earlier answer"]


def test_a_model_can_rewrite_follow_ups(chains: Chains) -> None:
    model = ScriptedChatModel(replies=["memory of the kv cache", "saved [1]"])
    chain = chains(model=model, standalone=partial(standalone_by_model, model=model))
    events = list(
        chain.answer("and what about that?", [Turn(Question(QUESTION), "Set it to 8 [1].")])
    )
    assert retrieved(events).searched_for == "memory of the kv cache"
    assert answered(events).text == "saved [1]"
    assert len(chains.model.asked) == 2


@pytest.mark.parametrize("question", ["", "  \n\t", "x" * 501])
def test_unusable_questions_are_refused_with_what_was_got(chains: Chains, question: str) -> None:
    with pytest.raises(QuestionError):
        list(chains("never").answer(question))
    assert chains.model.asked == []


def test_a_question_of_the_longest_length_is_answered(chains: Chains) -> None:
    assert chains("ok [1]", threshold=0.0).invoke("x" * 500).text == "ok [1]"


@pytest.mark.parametrize(
    "question",
    ["😀😀", "<script>alert(1)</script>", "[1] [2] ] 【", "\x00", "{question} %s", "\ud83d"],
)
def test_odd_questions_get_an_answer(chains: Chains, question: str) -> None:
    assert chains("ok [1]", threshold=0.0).invoke(question).text == "ok [1]"
    "".join(str(m.content) for m in chains.model.asked[0]).encode()


class Interrupted(ScriptedChatModel):
    """Says whether its stream was closed, and fails after some pieces."""

    closed: bool = False
    fails_after: int = 10**6

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        try:
            for number in range(10**6):
                if number == self.fails_after:
                    raise ChatModelError("gone", expected="an answer", action="Ask again.")
                yield ChatGenerationChunk(message=AIMessageChunk(content=f"word{number} "))
        finally:
            self.closed = True


def test_closing_the_answer_closes_the_models_stream(chains: Chains) -> None:
    model = Interrupted(replies=[])
    events = chains(model=model).answer(QUESTION)
    for _ in range(4):
        next(events)
    assert not model.closed
    assert isinstance(events, Generator)
    events.close()
    assert model.closed


def test_a_model_that_fails_is_an_error_after_what_it_wrote(chains: Chains) -> None:
    events = chains(model=Interrupted(replies=[], fails_after=3)).answer(QUESTION)
    seen: list[AnswerEvent] = []
    with pytest.raises(ChatModelError, match="gone"):
        seen.extend(events)
    assert "".join(e.text for e in seen if isinstance(e, Delta)) == "word0 word1 word2 "


def test_a_number_alone_is_no_answer_and_is_asked_for_again(chains: Chains) -> None:
    answer = chains("[1]", "Set quant_policy to 8.").invoke(QUESTION)
    assert answer.text == "Set quant_policy to 8. [1]"
    assert [citation.number for citation in answer.citations] == [1]
    first, second = chains.model.asked
    assert first[:-1] == second[:-1]
    assert str(second[-1].content).startswith(str(first[-1].content))


def test_an_answer_names_itself_its_model_and_its_index(
    chains: Chains, retriever: KnowledgeRetriever
) -> None:
    chain = chains("ok [1]", model_name="internlm2_5")
    first, second = chain.invoke(QUESTION), chain.invoke(QUESTION)
    assert first.id != second.id
    assert (first.model, first.finish_reason) == ("internlm2_5", "stop")
    assert first.index_version == retriever.search(QUESTION).version != ""


def test_a_question_that_is_too_long_says_so_in_fields(chains: Chains) -> None:
    with pytest.raises(QuestionTooLongError) as refused:
        chains("never").invoke(f" {'x' * 501} ")
    assert refused.value.facts == {"characters": 501, "limit": 500}


def test_images_are_refused_before_anything_is_searched(chains: Chains) -> None:
    picture = Question(QUESTION, images=(Path("picture.png"),))
    for question, history in ((picture, ()), (QUESTION, [Turn(picture, "A cat.")])):
        with pytest.raises(ImagesNotReadError):
            next(chains("never").answer(question, history))
    assert chains.model.asked == []


class OnePlace(WritingSlots):
    """One place to write; tells who holds it."""

    def __init__(self) -> None:
        super().__init__(1, 0)
        self.log: list[str] = []

    @contextmanager
    def place(self) -> Iterator[None]:
        self.log.append("taken")
        yield
        self.log.append("left")


def test_a_place_is_held_around_writing_only(chains: Chains) -> None:
    slots = OnePlace()
    events = chains("ok [1]", slots=slots).answer(QUESTION)
    assert isinstance(next(events), Retrieved)
    assert slots.log == []
    assert isinstance(next(events), Delta)
    assert slots.log == ["taken"]
    list(events)
    assert slots.log == ["taken", "left"]


def test_a_refusal_waits_for_no_place(chains: Chains) -> None:
    slots = OnePlace()
    assert chains("never", slots=slots, threshold=1.1).invoke(QUESTION).refused
    assert slots.log == []
