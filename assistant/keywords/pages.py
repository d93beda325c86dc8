"""Pairs files that are translations of each other, and locates their chunks on the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from assistant.documents import Chunk
from assistant.language import without_language

_HEADING = re.compile(r"^#{1,6}\s", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?(?:^\1|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class PagePosition:
    """The position of a chunk: the number of its page, and its extent there from 0 to 1.

    Translations of a page share its number. The extent depends mainly on the number of
    headings, so that a section and its translation overlap.
    """

    page: int
    start: float
    end: float

    def overlaps(self, other: PagePosition) -> bool:
        """Whether both are on the same page and share more than half of the shorter extent."""
        shared = min(self.end, other.end) - max(self.start, other.start)
        shorter = min(self.end - self.start, other.end - other.start)
        return self.page == other.page and shared > shorter / 2


def files_of(chunks: Iterable[Chunk]) -> dict[str, list[Chunk]]:
    """Address -> the file's chunks in order of lines; addresses are sorted."""
    # The parts of one line keep their order.
    ordered = sorted(chunks, key=lambda chunk: (chunk.address, chunk.start_line, chunk.end_line))
    return {key: list(part) for key, part in groupby(ordered, key=lambda chunk: chunk.address)}


def translated_pages(files: Mapping[str, list[Chunk]]) -> list[tuple[list[Chunk], list[Chunk]]]:
    """Pairs of a Chinese and an English file that are translations of each other."""
    by_key: dict[str, dict[str, list[Chunk]]] = {}
    for address, chunks in files.items():
        by_key.setdefault(without_language(address), {}).setdefault(chunks[0].language, chunks)
    return [(found["zh"], found["en"]) for found in by_key.values() if len(found) == 2]


def sections(chunks: Sequence[Chunk]) -> list[str]:
    """The prose of a file without code, split at headings; the first section has none."""
    text = _FENCE.sub("", "\n".join(chunk.text for chunk in chunks))
    starts = [0, *(match.start() for match in _HEADING.finditer(text))]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def page_positions(files: dict[str, list[Chunk]]) -> dict[str, PagePosition]:
    """Chunk id -> position on its page."""
    numbers: dict[str, int] = {}
    found: dict[str, PagePosition] = {}
    for address, chunks in files.items():
        page = numbers.setdefault(without_language(address), len(numbers))
        sizes = [_weight(chunk) for chunk in chunks]
        total = sum(sizes)
        done = 0.0
        for chunk, size in zip(chunks, sizes, strict=True):
            found[chunk.id] = PagePosition(page, done / total, (done + size) / total)
            done += size
    return found


def _weight(chunk: Chunk) -> float:
    """Share of a page; mostly headings, since translations agree in those but not in length."""
    headings = len(_HEADING.findall(_FENCE.sub("", chunk.text)))
    return headings + len(chunk.text) / 10_000
