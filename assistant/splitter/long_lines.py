"""Breaks a line that does not fit: at sentences, then between words, then anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from assistant.splitter.measure import CountTokens

_SENTENCE_END = re.compile(r"(?<=[。！？；])(?![。！？；”’」』）])|(?<=[.!?;])(?=\s)")


def break_lines(
    texts: Sequence[str], budgets: Sequence[int], count_tokens: CountTokens
) -> list[list[str]]:
    """Each text in pieces of at most its budget of tokens; joined they are the text.

    Counts all sentences in one batch and the pieces of long sentences in another, so
    that the work is linear in the length.
    """
    sentences = [_cut(text, _SENTENCE_END) for text in texts]
    counts = _counted(sentences, count_tokens)
    pieces = [
        [
            [part] if count <= budget else _small_pieces(part, budget)
            for part, count in zip(parts, part_counts, strict=True)
        ]
        for parts, part_counts, budget in zip(sentences, counts, budgets, strict=True)
    ]
    flat = [[piece for group in groups for piece in group] for groups in pieces]
    return [
        _packed(parts, part_counts, budget)
        for parts, part_counts, budget in zip(
            flat, _counted(flat, count_tokens), budgets, strict=True
        )
    ]


def halves(text: str) -> list[str]:
    """Two parts of about the same length, between words where there is a space near."""
    middle = (len(text) + 1) // 2
    space = text.rfind(" ", middle - len(text) // 4, middle)
    place = space + 1 if space > 0 else middle
    return [text[:place], text[place:]]


def _cut(text: str, boundary: re.Pattern[str]) -> list[str]:
    places = [0, *(match.start() for match in boundary.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(places) if a < b]


def _small_pieces(text: str, budget: int) -> list[str]:
    """Pieces so short that each fits even at four tokens a character."""
    length = max(1, min(80, budget // 4))
    pattern = re.compile(rf"(?s).{{1,{length}}}(?<=[\s，、,])|.{{1,{length}}}")
    return pattern.findall(text)


def _counted(groups: Sequence[Sequence[str]], count_tokens: CountTokens) -> list[list[int]]:
    flat = [part for group in groups for part in group]
    counts = iter(count_tokens(flat) if flat else [])
    return [[next(counts) for _ in group] for group in groups]


def _packed(parts: Sequence[str], counts: Sequence[int], budget: int) -> list[str]:
    packed: list[list[str]] = []
    filled = budget + 1
    for part, count in zip(parts, counts, strict=True):
        if filled + count > budget:
            packed.append([])
            filled = 0
        packed[-1].append(part)
        filled += count
    return ["".join(group) for group in packed]
