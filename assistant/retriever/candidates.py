"""Passages that may answer a question: one ranking by vectors and one by words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.documents import SearchFilters
from assistant.index import Collection
from assistant.index.language_centres import LanguageCentres
from assistant.index.nearest import best
from assistant.keywords.concepts import Concept, Rows, Scores, bm25
from assistant.language import language_of
from assistant.retriever.passages import Passages

# The nearest by whole vectors, before the languages' means are taken away; nearly all of the
# best by the centred cosine are among them (docs/evaluation.md).
_POOL = 500
_LISTED = 100  # of each ranking


@dataclass(frozen=True, slots=True)
class Candidates:
    """Two rankings of rows, best first, and what they were made from.

    Attributes:
        dense: By cosine without the languages' means.
        dense_scores: Those cosines.
        keyword: By BM25.
        keyword_scores: Those scores.
        concepts: The question's words.
        similarity: Highest cosine of whole vectors; 0 where there is no passage.
    """

    dense: Rows
    dense_scores: Scores
    keyword: Rows
    keyword_scores: Scores
    concepts: tuple[Concept, ...]
    similarity: float


def candidates(
    passages: Passages,
    question: str,
    vector: NDArray[np.float32],
    filters: SearchFilters | None = None,
) -> Candidates:
    """Both rankings for a question whose vector is (dimension,) and L2-normalised."""
    allowed = passages.allowed(filters)
    concepts = passages.concepts(question)
    dense, dense_scores, similarity = _dense(passages, question, vector, allowed)
    keyword, keyword_scores = by_words(passages, concepts, allowed)
    return Candidates(dense, dense_scores, keyword, keyword_scores, concepts, similarity)


def _dense(
    passages: Passages,
    question: str,
    vector: NDArray[np.float32],
    allowed: list[NDArray[np.bool_] | None],
) -> tuple[Rows, Scores, float]:
    rows: list[Rows] = [np.empty(0, np.int64)]
    scores: list[Scores] = [np.empty(0, np.float32)]
    similarity = 0.0
    parts = zip(passages.collections, passages.centres(), passages.starts, allowed, strict=False)
    for collection, centres, start, passing in parts:
        if passing is not None and not passing.any():
            continue
        own, cosines = _centred(collection, centres, language_of(question), vector, passing)
        rows.append(own + start)
        scores.append(cosines)
        _, whole = collection.vectors.nearest(vector, 1, passing)
        similarity = max(similarity, float(whole.max(initial=0.0)))
    return (*best(np.concatenate(rows), np.concatenate(scores), _LISTED), similarity)


def _centred(
    collection: Collection,
    centres: LanguageCentres,
    language: str,
    vector: NDArray[np.float32],
    allowed: NDArray[np.bool_] | None,
) -> tuple[Rows, Scores]:
    """Rows near a question and their cosines without the languages' means, in no order."""
    centred = centres.centre(vector, language)
    rows, cosines = collection.vectors.nearest(centred, _POOL, allowed)
    languages = [collection.keywords.languages[row] for row in rows]
    return rows, centres.cosines(centred, rows, languages, cosines * np.linalg.norm(centred))


def by_words(
    passages: Passages,
    concepts: tuple[Concept, ...],
    allowed: list[NDArray[np.bool_] | None],
) -> tuple[Rows, Scores]:
    """The rows that share words with a question, and their scores, best first."""
    scores = bm25(concepts, len(passages))
    for start, passing in zip(passages.starts, allowed, strict=False):
        if passing is not None:
            scores[start : start + len(passing)] *= passing
    rows = np.flatnonzero(scores)
    return best(rows, scores[rows], _LISTED)
