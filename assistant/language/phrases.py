"""Loads `phrases.toml`: the patterns that reveal whether a question continues an earlier one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from assistant import toml
from assistant.documents import Language

Signal = Literal["opens", "continues", "points", "trails", "empty", "names", "asks"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One entry of the file.

    Attributes:
        signal: What the phrase reveals about a question; the file explains each signal.
        language: Language of the phrase; a question may mix both.
        pattern: Regular expression, case-insensitive.
        fires: Example questions that match; at least one.
        spares: Similar questions that do not match.
    """

    signal: Signal
    language: Language
    pattern: str
    fires: tuple[str, ...]
    spares: tuple[str, ...]


@cache
def phrases() -> tuple[Phrase, ...]:
    """All entries, in file order."""
    text = resources.files("assistant.language").joinpath("phrases.toml").read_text("utf-8")
    content: Any = toml.loads(text)
    return tuple(
        Phrase(
            signal=signal,
            language=language,
            pattern=entry.get("pattern") or _whole(entry["words"], signal, language),
            fires=tuple(entry["fires"]),
            spares=tuple(entry.get("spares", ())),
        )
        for signal, languages in content.items()
        for language, entries in languages.items()
        for entry in entries
    )


@cache
def pattern_of(signal: Signal) -> re.Pattern[str]:
    """A pattern that matches any phrase with this signal, in either language."""
    found = (phrase.pattern for phrase in phrases() if phrase.signal == signal)
    return re.compile("|".join(f"(?:{pattern})" for pattern in found), re.IGNORECASE)


def _whole(words: str, signal: str, language: str) -> str:
    """The pattern for a literal phrase; English phrases match whole words only."""
    escaped = re.escape(words)
    if language == "zh":
        return escaped
    # A hyphen turns an opening word into a different word: "same-day delivery".
    return rf"{escaped}(?![-\w])" if signal == "opens" else rf"\b{escaped}\b"
