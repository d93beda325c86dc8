"""Sentences: both languages, for every error."""

from __future__ import annotations

import re

import pytest

from assistant import errors
from assistant.errors import AssistantError, QuestionTooLongError, UnreadableFileError
from assistant.ui import texts
from assistant.ui.texts import ERRORS, Words, error_sentence, language_from_header

HAN = re.compile(r"[\u4e00-\u9fff]")


def all_errors(base: type[AssistantError] = AssistantError) -> list[type[AssistantError]]:
    return [base, *(kind for child in base.__subclasses__() for kind in all_errors(child))]


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_sentence_of_its_own_in_both_languages(kind: type) -> None:
    assert kind.__module__ == errors.__name__
    sentence = ERRORS[kind.__name__]
    assert HAN.search(sentence.zh)
    assert not HAN.search(sentence.en)


def test_no_sentence_is_left_over() -> None:
    assert set(ERRORS) == {kind.__name__ for kind in all_errors()}


@pytest.mark.parametrize(
    "name", [name for name, text in vars(texts).items() if isinstance(text, Words)]
)
def test_every_text_is_written_in_both_languages_with_the_same_values(name: str) -> None:
    text = getattr(texts, name)
    assert HAN.search(text.zh)
    assert text.en
    assert not HAN.search(text.en)
    values = re.compile(r"{\w+}")
    assert sorted(values.findall(text.zh)) == sorted(values.findall(text.en))


def test_a_visitor_is_not_told_what_is_for_the_owner() -> None:
    error = errors.ChatModelError("http://10.0.0.1 is down", expected="it is up", action="Start it")
    assert "10.0.0.1" not in error_sentence(error).en
    assert error_sentence(error) == ERRORS["ChatModelError"]


def test_a_question_that_is_too_long_is_told_how_long_it_is() -> None:
    for _, sentence in error_sentence(QuestionTooLongError(100000, 2000)):
        assert "100000" in sentence
        assert "2000" in sentence


def test_errors_without_a_sentence_get_that_of_the_class_they_derive_from() -> None:
    class NewError(UnreadableFileError):
        pass

    error = NewError("empty", "x", expected="y", action="z")
    assert error_sentence(error) == ERRORS["UnreadableFileError"]
    assert error_sentence(ZeroDivisionError("division")) == texts.UNKNOWN_ERROR


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.2, zh-TW;q=0.7", "zh"),
        ("fr-FR, de;q=0.9", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("", "en"),
        (";;q=,,", "en"),
        ("zh;q=.", "zh"),
    ],
)
def test_the_first_language_is_the_browsers(header: str, language: str) -> None:
    assert language_from_header(header) == language
