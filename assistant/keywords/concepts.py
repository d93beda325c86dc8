"""The words of a question, with the passages that have them and what each word adds there.

A word counts with the best of itself and its translations, so that a page in the other
language competes on the same scale (Pirkola, SIGIR 1998). Several keyword indexes are
searched as one: the rows of the second follow those of the first, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.keywords.glossary import strongest
from assistant.keywords.words import words

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Concept:
    """A word of a question: which chunks have it, under this or another name.

    Attributes:
        word: As `words` gives it.
        known: Whether any chunk has it.
        weight: Its inverse document frequency, that of the most frequent name.
        rows: Of the chunks that have it, ascending.
        scores: What it adds to each of them.
    """

    word: str
    known: bool
    weight: float
    rows: Rows
    scores: Scores

    def at(self, row: int) -> float:
        """What it adds to one chunk; 0 where it does not occur."""
        position = int(np.searchsorted(self.rows, row))
        found = position < len(self.rows) and self.rows[position] == row
        return float(self.scores[position]) if found else 0.0


class HasPostings(Protocol):
    """What is asked of a keyword index."""

    def __len__(self) -> int:
        """Number of chunks."""
        ...

    def postings(self, word: str) -> tuple[NDArray[np.int32], Scores]:
        """(n,) rows of the chunks that have a word, ascending, and (n,) its scores there."""
        ...

    def translations(self, word: str) -> Sequence[tuple[str, float]]:
        """Words that mean the same, with their strength from 0 to 1."""
        ...


def concepts(
    question: str, indexes: Sequence[HasPostings], *, translated: bool = True
) -> list[Concept]:
    """The words of a question, each once, in their order.

    Args:
        question: In any language.
        indexes: At least one.
        translated: Whether a word is also looked up under its translations.
    """
    return [_concept(word, indexes, translated) for word in dict.fromkeys(words(question))]


def bm25(found: Iterable[Concept], chunks: int) -> Scores:
    """(chunks,) score of every chunk; 0 where it shares no word with the question."""
    total = np.zeros(chunks, dtype=np.float32)
    for concept in found:
        total[concept.rows] += concept.scores
    return total


def _concept(word: str, indexes: Sequence[HasPostings], translated: bool) -> Concept:
    rows: Rows = np.empty(0, dtype=np.int64)
    scores: Scores = np.empty(0, dtype=np.float32)
    most = 0
    for name, strength in ((word, 1.0), *(_translations(word, indexes) if translated else ())):
        more, more_scores = _postings(name, indexes)
        if len(more):
            most = max(most, len(more))
            rows, scores = _best_of(rows, scores, more, strength * more_scores)
    return Concept(word, most > 0, _weight(sum(map(len, indexes)), most), rows, scores)


def _translations(word: str, indexes: Sequence[HasPostings]) -> list[tuple[str, float]]:
    """What all indexes together have learned."""
    found: dict[str, float] = {}
    for index in indexes:
        for other, strength in index.translations(word):
            found[other] = max(strength, found.get(other, 0.0))
    return strongest(found)


def _postings(word: str, indexes: Sequence[HasPostings]) -> tuple[NDArray[np.integer], Scores]:
    """A word's rows and scores in all indexes.

    Each index has scored with the inverse document frequency in itself, which is replaced
    here by that in all of them. The mean length of a chunk stays that of its own index.
    """
    parts = [index.postings(word) for index in indexes]
    everywhere = _weight(sum(map(len, indexes)), sum(len(rows) for rows, _ in parts))
    start = 0
    all_rows, all_scores = [], []
    for index, (rows, scores) in zip(indexes, parts, strict=True):
        all_rows.append(rows + start)
        all_scores.append(scores * (everywhere / _weight(len(index), len(rows))))
        start += len(index)
    return np.concatenate(all_rows), np.concatenate(all_scores)


def _weight(chunks: int, having: int) -> float:
    """Inverse document frequency, as Lucene computes it."""
    return math.log(1 + (chunks - having + 0.5) / (having + 0.5))


def _best_of(
    rows: Rows, scores: Scores, more: NDArray[np.integer], more_scores: Scores
) -> tuple[Rows, Scores]:
    """Both sparse vectors as one, with the higher score where both have a row."""
    if not len(rows):
        return more.astype(np.int64), np.asarray(more_scores, dtype=np.float32)
    both, values = np.concatenate([rows, more]), np.concatenate([scores, more_scores])
    order = np.argsort(both, kind="stable")  # both parts ascend, which this sort makes use of
    both = both[order]
    starts = np.flatnonzero(np.diff(both, prepend=-1))
    best = np.maximum.reduceat(values[order], starts) if len(starts) else values
    return both[starts].astype(np.int64), best.astype(np.float32)
