"""Reads evaluation questions and dialogues from JSON Lines files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from assistant.errors import SettingsError
from assistant.language import readable

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class EvalQuestion:
    """A question with known facts about its answer.

    Attributes:
        id: Unique among the questions asked together.
        question: The question's text.
        language: Language of the question.
        kind: Type of an answerable question, or why a question cannot be answered.
        sources: Addresses ("source/path"), each of which contains the answer.
        source_languages: Languages of those sources.
        keywords: A correct answer contains all of them.
        answerable: Whether the knowledge base has the answer.
    """

    id: str
    question: str
    language: str = ""
    kind: str = ""
    sources: tuple[str, ...] = ()
    source_languages: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    answerable: bool = True

    @property
    def is_cross_lingual(self) -> bool:
        """Whether all sources are in languages other than the question's."""
        known = bool(self.source_languages and self.language)
        return known and self.language not in self.source_languages


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Two turns, the second of which may depend on the first.

    Attributes:
        id: Unique among the dialogues.
        first_question: The first question.
        first_answer: The answer to it.
        question: The second question.
        standalone: The second question, rewritten by a person to stand alone.
        sources: As in `EvalQuestion`, for the second question.
        needs_context: Whether the second question depends on the first.
    """

    id: str
    first_question: str
    first_answer: str
    question: str
    standalone: str
    sources: tuple[str, ...]
    needs_context: bool


def read_questions(file: Path, *, answerable: bool = True) -> list[EvalQuestion]:
    """Read questions from JSON Lines, each with at least `id` and `question`.

    Args:
        file: A UTF-8 file; blank lines are skipped.
        answerable: Whether questions without `sources` count as answerable; those with
            sources always do.

    Raises:
        SettingsError: The file is missing or empty, or a line is invalid; the error names
            the file and the line.
    """

    def parse(fields: Mapping[str, Any]) -> EvalQuestion:
        sources = _texts(fields, "sources")
        return EvalQuestion(
            id=_text(fields, "id"),
            question=_text(fields, "question"),
            language=str(fields.get("lang") or ""),
            kind=str(fields.get("type") or fields.get("kind") or ""),
            sources=sources,
            source_languages=_texts(fields, "source_langs"),
            keywords=_texts(fields, "keywords"),
            answerable=answerable or bool(sources),
        )

    return _read(file, parse, "id and question")


def read_dialogues(file: Path) -> list[Dialogue]:
    """Read two-turn dialogues from JSON Lines.

    Raises:
        SettingsError: The file is missing or empty, or a line is invalid.
    """

    def parse(fields: Mapping[str, Any]) -> Dialogue:
        return Dialogue(
            id=_text(fields, "id"),
            first_question=_text(fields, "first_question"),
            first_answer=str(fields.get("first_answer") or ""),
            question=_text(fields, "question"),
            standalone=str(fields.get("standalone") or fields["question"]),
            sources=_texts(fields, "sources"),
            needs_context=bool(fields.get("needs_context", True)),
        )

    return _read(file, parse, "id, first_question and question")


def check_ids(questions: Iterable[EvalQuestion]) -> None:
    """Check that question IDs are unique.

    Raises:
        SettingsError: Two questions have the same ID; the error names it and both questions.
    """
    seen: dict[str, EvalQuestion] = {}
    for question in questions:
        other = seen.setdefault(question.id, question)
        if other is not question:
            raise SettingsError(
                f"two questions have the id {question.id!r}: "
                f"{other.question[:40]!r} and {question.question[:40]!r}",
                expected="unique ids across all files",
                action="Change one of them.",
            )


def _read(file: Path, parse: Callable[[Mapping[str, Any]], _Read], wanted: str) -> list[_Read]:
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(
            f"{file} cannot be read: {reason}",
            expected=f"a UTF-8 file of JSON Lines with {wanted}",
            action="Check the path.",
        ) from error
    found = [
        _parse_line(line, parse, f"{file}, line {number}", wanted)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not found:
        raise SettingsError(
            f"{file} is empty",
            expected=f"JSON Lines with {wanted}",
            action="Add some questions; docs/evaluation.md describes the format.",
        )
    return found


def _parse_line(
    line: str, parse: Callable[[Mapping[str, Any]], _Read], place: str, wanted: str
) -> _Read:
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise TypeError("it is not an object")
        return parse(fields)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise SettingsError(
            f"{place}: {line[:80]!r}: {what}",
            expected=f"a JSON object with at least {wanted}",
            action="Correct the line.",
        ) from error


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = readable(str(fields[name]))
    if not value.strip():
        raise ValueError(f"{name} is empty")
    return value


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values: Sequence[Any] = fields.get(name) or ()
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise TypeError(f"{name} is not a list")
    return tuple(map(str, values))
