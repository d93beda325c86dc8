"""Every phrase of `phrases.toml` is found in its examples, and only where it should be."""

from __future__ import annotations

import re

import pytest
import rjieba

from assistant.answering.follow_up import leans_on_history
from assistant.documents import Question, Turn
from assistant.language import pattern_of
from assistant.language.phrases import Phrase, phrases

BEFORE = [Turn(Question("how do I quantize the kv cache in lmdeploy"), "Set quant_policy to 8.")]
LEANS = {"opens", "continues", "points", "trails"}  # the other signals speak for standing alone


def found(phrase: Phrase, question: str) -> bool:
    """Whether the phrase is found where `leans_on_history` looks for its signal."""
    pattern = re.compile(phrase.pattern, re.IGNORECASE)
    if phrase.signal == "opens":
        return bool(pattern.match(question))
    if phrase.signal == "continues":
        return bool(pattern.fullmatch(rjieba.cut(question)[0]))
    return bool(pattern.search(question))


@pytest.mark.parametrize(
    "phrase", phrases(), ids=lambda phrase: f"{phrase.signal}-{phrase.language}-{phrase.pattern}"
)
def test_a_phrase_fires_in_its_examples_and_spares_the_others(phrase: Phrase) -> None:
    assert phrase.fires
    for question in phrase.fires:
        assert found(phrase, question), question
        assert leans_on_history(question, BEFORE) == (phrase.signal in LEANS), question
    for question in phrase.spares:
        assert not found(phrase, question), question


def test_a_pattern_with_an_exception_shows_what_it_spares() -> None:
    for phrase in phrases():
        if "(?!" in phrase.pattern.removesuffix(r"(?![-\w])") or "(?<!" in phrase.pattern:
            assert phrase.spares, phrase.pattern


def test_each_signal_joins_its_phrases() -> None:
    assert pattern_of("points").search("how do I get THERE")
    assert pattern_of("points").search("它支持多卡吗")
    assert {phrase.signal for phrase in phrases()} == LEANS | {"empty", "names", "asks"}
