"""What in a text can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.language import HAN, has_words, readable


@pytest.mark.parametrize("text", ["a", "--- 1 ---", "书", "**é**", "Ⅷ"])
def test_letters_digits_and_han_are_words(text: str) -> None:
    assert has_words(text)


@pytest.mark.parametrize("text", ["", " \n", "```", "| --- |", "。！", "😀"])
def test_signs_are_not(text: str) -> None:
    assert not has_words(text)


def test_han_characters() -> None:
    assert HAN.findall("a书㐀 ー한。") == ["书", "㐀"]


def test_halves_of_characters_are_replaced() -> None:
    assert readable("a\ud83d b") == "a? b"


@given(st.text())
def test_whole_characters_stay(question: str) -> None:
    assert readable(question) == question


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_readable_can_be_written(question: str) -> None:
    assert len(readable(question).encode("utf-8")) >= len(question)
