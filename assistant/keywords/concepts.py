"""Looks up the words of a question in keyword indexes.

A word scores as the best of itself and its translations, so that pages in the other language
compete on the same scale (Pirkola, SIGIR 1998). Several keyword indexes are searched as one:
the rows of the second follow those of the first, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.keywords.glossary import strongest
from assistant.keywords.words import words

if TYPE_CHECKING:
    from assistant.keywords.index import KeywordIndex

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Concept:
    """A word of a question, and the chunks that contain it or a translation.

    Attributes:
        word: The word as `words` returns it.
        known: Whether any chunk contains it.
        weight: Inverse document frequency of the most frequent among it and its translations.
        rows: (n,) rows of the chunks that contain it, ascending.
        scores: (n,) its score in each of them.
    """

    word: str
    known: bool
    weight: float
    rows: Rows
    scores: Scores

    def at(self, row: int) -> float:
        """Its score in one chunk; 0 if it does not occur there."""
        position = int(np.searchsorted(self.rows, row))
        found = position < len(self.rows) and self.rows[position] == row
        return float(self.scores[position]) if found else 0.0


def concepts(
    question: str, indexes: Sequence[KeywordIndex], *, translated: bool = True
) -> list[Concept]:
    """Look up the words of a question; each word appears once, in order.

    Args:
        question: The question, in either language.
        indexes: At least one.
        translated: Whether to look up translations of words as well.
    """
    return [_concept(word, indexes, translated) for word in dict.fromkeys(words(question))]


def bm25(found: Iterable[Concept], chunks: int) -> Scores:
    """(chunks,) score of every chunk; 0 for chunks that share no word with the question."""
    total = np.zeros(chunks, dtype=np.float32)
    for concept in found:
        total[concept.rows] += concept.scores
    return total


def _concept(word: str, indexes: Sequence[KeywordIndex], translated: bool) -> Concept:
    rows: Rows = np.empty(0, dtype=np.int64)
    scores: Scores = np.empty(0, dtype=np.float32)
    most = 0
    for name, strength in ((word, 1.0), *(_translations(word, indexes) if translated else ())):
        more, more_scores = _postings(name, indexes)
        if len(more):
            most = max(most, len(more))
            rows, scores = _best_of(rows, scores, more, strength * more_scores)
    return Concept(word, most > 0, _weight(sum(map(len, indexes)), most), rows, scores)


def _translations(word: str, indexes: Sequence[KeywordIndex]) -> list[tuple[str, float]]:
    """The strongest translations that the indexes together have learned."""
    found: dict[str, float] = {}
    for index in indexes:
        for other, strength in index.translations(word):
            found[other] = max(strength, found.get(other, 0.0))
    return strongest(found)


def _postings(word: str, indexes: Sequence[KeywordIndex]) -> tuple[NDArray[np.integer], Scores]:
    """Rows and scores of a word in all indexes.

    Each index scores with its own inverse document frequency, which is replaced here by that
    of all indexes together. The mean chunk length remains that of each index.
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
    """Inverse document frequency by Lucene's formula."""
    return math.log(1 + (chunks - having + 0.5) / (having + 0.5))


def _best_of(
    rows: Rows, scores: Scores, more: NDArray[np.integer], more_scores: Scores
) -> tuple[Rows, Scores]:
    """Merge two sparse vectors, keeping the higher score of rows in both."""
    if not len(rows):
        return more.astype(np.int64), np.asarray(more_scores, dtype=np.float32)
    both, values = np.concatenate([rows, more]), np.concatenate([scores, more_scores])
    order = np.argsort(both, kind="stable")  # fast, since both parts are sorted
    both = both[order]
    starts = np.flatnonzero(np.diff(both, prepend=-1))
    best = np.maximum.reduceat(values[order], starts) if len(starts) else values
    return both[starts].astype(np.int64), best.astype(np.float32)
