"""Prompts: language, budget, numbering."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assistant.answering.prompts import build_prompt, refusal
from assistant.documents import Question, Retrieved, Turn
from assistant.errors import ImagesNotReadError
from assistant.language import language_of
from tests.builders import make_hit, make_retrieved


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("LMDeploy 怎么开启 KV cache 量化？", "zh"),
        ("how do I quantize the KV cache", "en"),
        ("what does 书生 mean in the name of the InternLM model family", "en"),
        ("😀", "en"),
        ("报错 RuntimeError: CUDA out of memory 怎么办", "zh"),
    ],
)
def test_language_of(question: str, language: str) -> None:
    assert language_of(question) == language


def count(text: str) -> int:
    return len(text.split())


def made_up_of(*words: int, **fields: Any) -> Retrieved:
    """Hits of so many words each."""
    hits = [make_hit(rank=n, text="word " * size) for n, size in enumerate(words, start=1)]
    return make_retrieved(**({"hits": tuple(hits)} | fields))


def test_passages_keep_their_number_and_the_budget_holds() -> None:
    found = made_up_of(30, 500, 40)
    prompt = build_prompt(found, count_tokens=count, passages_tokens=100)
    assert prompt.passages == (found.citations[0], found.citations[2])
    assert [passage.number for passage in prompt.passages] == [1, 3]
    content = str(prompt.messages[-1].content)
    assert "[1]" in content
    assert "[3]" in content
    assert count(content) < 100 + 40


def test_the_first_passage_is_cut_rather_than_left_out() -> None:
    found = made_up_of(500)
    prompt = build_prompt(found, count_tokens=count, passages_tokens=50)
    assert prompt.passages == found.citations
    assert 20 < count(str(prompt.messages[-1].content)) < 90


def test_history_comes_between_system_and_question_and_is_short() -> None:
    history = tuple(Turn(Question(f"q{n}"), "a" * 5000) for n in range(5))
    found = made_up_of(1, history=history)
    prompt = build_prompt(found, count_tokens=count, passages_tokens=50)
    kinds = [message.type for message in prompt.messages]
    assert kinds == ["system", "human", "ai", "human", "ai", "human"]
    assert len(str(prompt.messages[2].content)) <= 400


def test_refusal_is_in_the_language_of_the_question_and_names_topics() -> None:
    hits = (make_hit(heading=("KV Cache",)), make_hit(rank=2, heading=("KV Cache",)))
    assert "KV Cache" in refusal(make_retrieved("这是什么？", hits=hits))
    assert refusal(make_retrieved("what is it", hits=hits)).count("KV Cache") == 1
    assert refusal(make_retrieved("what is it")).startswith("I do not know")


def test_a_long_question_leaves_less_room_for_passages() -> None:
    def passages(question: str) -> int:
        found = made_up_of(100, 100, 100, 100, question=Question(question))
        prompt = build_prompt(found, count_tokens=count, passages_tokens=1000, prompt_tokens=600)
        return len(prompt.passages)

    assert 1 <= passages("q " * 250) < passages("q") < 5


def test_the_oldest_turns_go_where_they_leave_no_room_for_passages() -> None:
    history = (Turn(Question("old"), "a " * 200), Turn(Question("new"), "b " * 200))
    found = made_up_of(60, history=history)

    def kinds(prompt_tokens: int) -> list[str]:
        prompt = build_prompt(
            found, count_tokens=count, passages_tokens=1000, prompt_tokens=prompt_tokens
        )
        return [message.type for message in prompt.messages]

    assert kinds(2000) == ["system", "human", "ai", "human", "ai", "human"]
    assert kinds(500) == ["system", "human", "ai", "human"]
    assert kinds(300) == ["system", "human"]


def test_numbers_are_those_of_the_answer_and_not_ranks() -> None:
    found = made_up_of(30, 500, 40, first_number=5)
    prompt = build_prompt(found, count_tokens=count, passages_tokens=100)
    assert [(p.number, p.hit.rank) for p in prompt.passages] == [(5, 1), (7, 3)]
    content = str(prompt.messages[-1].content)
    assert "[5] lmdeploy" in content
    assert "[7] lmdeploy" in content
    assert "[1]" not in content


def test_images_are_refused_in_a_question_and_in_one_before_it() -> None:
    picture = Question("what is this?", images=(Path("picture.png"),))
    for found in (
        make_retrieved(question=picture),
        make_retrieved(history=(Turn(picture, "A cat."),)),
    ):
        with pytest.raises(ImagesNotReadError, match="does not read images") as refused:
            build_prompt(found, count_tokens=count, passages_tokens=100)
        assert refused.value.facts == {"images": 1}
