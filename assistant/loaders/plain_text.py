"""Splits plain text into paragraphs, and detects vocabulary and requirements lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby

from assistant.documents import Block, LoadedDocument, SourceFile
from assistant.language import HAN, page_language

_VOCABULARY_LINES = 1000
_VOCABULARY_SHARE = 0.97
_LONGEST_ENTRY = 40
_MOST_HAN = 4
_MARKED = re.compile(r"\s*(?:[-*+>|]|#{1,6}|\d+[.)])\s*\w")  # items, rows and headings
_REQUIREMENT = re.compile(
    r"(?:-\S+.*|(?:git\+|https?:)\S+|[A-Za-z0-9][\w.\-]*(?:\[[^\]]*\])?\s*(?:[<>=!~;@].*)?)$"
)


def load_plain_text(file: SourceFile, text: str) -> LoadedDocument:
    """Load text without markup as paragraphs."""
    lines = text.split("\n")
    blocks = tuple(prose_runs(lines, 0, len(lines), lambda line: not line.strip()))
    return LoadedDocument(text, blocks, title="", language=page_language(file, "", text))


def prose_runs(
    lines: list[str], first: int, last: int, is_blank: Callable[[str], bool]
) -> Iterator[Block]:
    """Runs of lines[first:last] that are not blank."""
    for blank, run in groupby(range(first, last), key=lambda number: is_blank(lines[number])):
        if not blank:
            numbers = list(run)
            yield Block("prose", numbers[0] + 1, numbers[-1] + 1)


def is_vocabulary(text: str) -> bool:
    """Whether a text is a list of tokens or BPE merges: one per line, without duplicates."""
    count = text.count("\n")
    if count < _VOCABULARY_LINES:
        return False
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < max(_VOCABULARY_LINES, _VOCABULARY_SHARE * count):
        return False
    if len(set(lines)) < _VOCABULARY_SHARE * len(lines):
        return False
    return sum(map(_is_entry, lines)) >= _VOCABULARY_SHARE * len(lines)


def _is_entry(line: str) -> bool:
    if len(line) > _LONGEST_ENTRY or len(line.split()) > 2 or _MARKED.match(line):
        return False
    return len(HAN.findall(line)) <= _MOST_HAN


def is_requirements(path: str, text: str) -> bool:
    """Whether a file with "requirements" in its path only lists packages for pip."""
    if "requirements" not in path.lower():
        return False
    lines = [line.split("#")[0].strip() for line in text.split("\n")]
    return all(_REQUIREMENT.match(line) for line in lines if line)
