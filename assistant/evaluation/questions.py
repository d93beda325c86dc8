"""Questions with known sources, and dialogues, as JSON lines; knows nothing of results."""

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
    """A question with what is known of its answer.

    Attributes:
        id: Unique among the questions asked together.
        question: As a person asks it.
        language: Of the question.
        kind: Type of an answerable question, or why another cannot be answered.
        sources: Addresses ("source/path"), each of which contains the answer.
        source_languages: Languages in which the evidence is written.
        keywords: An answer that is right contains them all.
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
        """Whether the evidence is only in another language than the question's."""
        known = bool(self.source_languages and self.language)
        return known and self.language not in self.source_languages


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Two turns, of which the second may lean on the first.

    Attributes:
        id: Unique among the dialogues.
        first_question: The turn before.
        first_answer: Its answer.
        question: The second question.
        standalone: The second question as a person would make it understood alone.
        language: Of the second question.
        sources: As of `EvalQuestion`, for the second question.
        needs_context: Whether the second question leans on the first.
    """

    id: str
    first_question: str
    first_answer: str
    question: str
    standalone: str
    language: str
    sources: tuple[str, ...]
    needs_context: bool


def read_questions(file: Path, *, answerable: bool = True) -> list[EvalQuestion]:
    """Read questions from JSON lines, with at least `id` and `question` in each.

    Args:
        file: Where the lines are; empty ones are skipped.
        answerable: What to take questions without `sources` for; one that has sources
            is answerable.

    Raises:
        SettingsError: There is no such file, it holds no question, or a line is not
            such an object; names file and line.
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
    """Read two-turn dialogues from JSON lines.

    Raises:
        SettingsError: As `read_questions`.
    """

    def parse(fields: Mapping[str, Any]) -> Dialogue:
        return Dialogue(
            id=_text(fields, "id"),
            first_question=_text(fields, "first_question"),
            first_answer=str(fields.get("first_answer") or ""),
            question=_text(fields, "question"),
            standalone=str(fields.get("standalone") or fields["question"]),
            language=str(fields.get("lang") or ""),
            sources=_texts(fields, "sources"),
            needs_context=bool(fields.get("needs_context", True)),
        )

    return _read(file, parse, "id, first_question and question")


def check_ids(questions: Iterable[EvalQuestion]) -> None:
    """Refuse questions of which two have one id.

    Raises:
        SettingsError: Names the id and both questions.
    """
    seen: dict[str, EvalQuestion] = {}
    for question in questions:
        other = seen.setdefault(question.id, question)
        if other is not question:
            raise SettingsError(
                f"two questions have the id {question.id!r}: "
                f"{other.question[:40]!r} and {question.question[:40]!r}",
                expected="ids that differ, over all files",
                action="Change one of them.",
            )


def _read(file: Path, parse: Callable[[Mapping[str, Any]], _Read], wanted: str) -> list[_Read]:
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(
            f"{file} cannot be read: {reason}",
            expected=f"a UTF-8 file of JSON lines with {wanted}",
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
            expected=f"JSON lines with {wanted}",
            action="Write some questions into it; docs/evaluation.md says how.",
        )
    return found


def _parse_line(
    line: str, parse: Callable[[Mapping[str, Any]], _Read], place: str, wanted: str
) -> _Read:
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise TypeError("it is no object")
        return parse(fields)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise SettingsError(
            f"{place}: {line[:80]!r}: {what}",
            expected=f"a JSON object with at least {wanted}",
            action="Mend the line.",
        ) from error


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = readable(str(fields[name]))
    if not value.strip():
        raise ValueError(f"{name} is empty")
    return value


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values: Sequence[Any] = fields.get(name) or ()
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise TypeError(f"{name} is no list")
    return tuple(map(str, values))
