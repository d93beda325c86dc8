"""Prompts: language, budget, numbering."""

from __future__ import annotations

import pytest

from assistant.answering.prompts import build_prompt, language_of, refusal
from assistant.documents import Turn
from tests.builders import make_hit


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


def test_passages_keep_their_rank_as_number_and_the_budget_holds() -> None:
    hits = [make_hit(rank=n, text="word " * size) for n, size in [(1, 30), (2, 500), (3, 40)]]
    prompt = build_prompt("question?", (), hits, count_tokens=count, passages_tokens=100)
    assert [hit.rank for hit in prompt.hits] == [1, 3]
    content = str(prompt.messages[-1].content)
    assert "[1]" in content
    assert "[3]" in content
    assert count(content) < 100 + 40


def test_the_first_passage_is_cut_rather_than_left_out() -> None:
    hit = make_hit(rank=1, text="word " * 500)
    prompt = build_prompt("q", (), [hit], count_tokens=count, passages_tokens=50)
    assert prompt.hits == (hit,)
    assert 20 < count(str(prompt.messages[-1].content)) < 90


def test_history_comes_between_system_and_question_and_is_short() -> None:
    history = [Turn(f"q{n}", "a" * 5000) for n in range(5)]
    prompt = build_prompt("q", history, [make_hit()], count_tokens=count, passages_tokens=50)
    kinds = [message.type for message in prompt.messages]
    assert kinds == ["system", "human", "ai", "human", "ai", "human"]
    assert len(str(prompt.messages[2].content)) <= 400


def test_refusal_is_in_the_language_of_the_question_and_names_topics() -> None:
    hits = [make_hit(heading=("KV Cache",)), make_hit(rank=2, heading=("KV Cache",))]
    assert "KV Cache" in refusal("这是什么？", hits)
    assert refusal("what is it", hits).count("KV Cache") == 1
    assert refusal("what is it", []).startswith("I do not know")


def test_a_long_question_leaves_less_room_for_passages() -> None:
    hits = [make_hit(rank=n, text="word " * 100) for n in (1, 2, 3, 4)]
    options = {"count_tokens": count, "passages_tokens": 1000, "prompt_tokens": 600}
    short = build_prompt("q", (), hits, **options)  # type: ignore[arg-type]
    long = build_prompt("q " * 250, (), hits, **options)  # type: ignore[arg-type]
    assert len(long.hits) < len(short.hits) < 5
    assert len(long.hits) >= 1


def test_the_oldest_turns_go_where_they_leave_no_room_for_passages() -> None:
    history = [Turn("old", "a " * 200), Turn("new", "b " * 200)]
    hits = [make_hit(text="word " * 60)]
    options = {"count_tokens": count, "passages_tokens": 1000}

    def kinds(prompt_tokens: int) -> list[str]:
        prompt = build_prompt("q", history, hits, prompt_tokens=prompt_tokens, **options)  # type: ignore[arg-type]
        return [message.type for message in prompt.messages]

    assert kinds(2000) == ["system", "human", "ai", "human", "ai", "human"]
    assert kinds(500) == ["system", "human", "ai", "human"]
    assert kinds(300) == ["system", "human"]
