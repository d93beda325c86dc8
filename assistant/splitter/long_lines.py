"""Breaks lines that do not fit: between sentences, otherwise between words, otherwise anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from assistant.splitter.measure import CountTokens

_SENTENCE_END = re.compile(r"(?<=[。！？；])(?![。！？；”’」』）])|(?<=[.!?;])(?=\s)")


def break_lines(
    texts: Sequence[str], budgets: Sequence[int], count_tokens: CountTokens
) -> list[list[str]]:
    """Break each text into pieces that fit its token budget and, joined, give the text.

    All sentences are counted in one batch and the pieces of long sentences in another, so
    that the work is linear in the length.

    Args:
        texts: Lines to break.
        budgets: Most tokens in a piece, for each text.
        count_tokens: Counts the tokens of each text.

    Returns:
        Pieces of each text, in order; none for an empty text.
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
    """Split a text into two parts of similar length, after a space if one is close."""
    middle = (len(text) + 1) // 2
    space = text.rfind(" ", middle - len(text) // 4, middle)
    cut = space + 1 if space > 0 else middle
    return [text[:cut], text[cut:]]


def _cut(text: str, boundary: re.Pattern[str]) -> list[str]:
    offsets = [0, *(match.start() for match in boundary.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(offsets) if a < b]


def _small_pieces(text: str, budget: int) -> list[str]:
    """Pieces short enough to fit even at four tokens per character."""
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
