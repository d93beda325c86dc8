"""Candidate passages for a question, ranked once by vectors and once by words."""

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

# Nearest neighbours of the centred question among the stored vectors. They include nearly all
# of the best by cosine of centred vectors (docs/evaluation.md).
_POOL = 500
_LISTED = 100  # length of each ranking


@dataclass(frozen=True, slots=True)
class Candidates:
    """Two rankings of rows, best first, with their scores.

    Attributes:
        dense: Rows by cosine after subtracting the mean vector of each language.
        dense_scores: Cosines of `dense`.
        keyword: Rows by BM25.
        keyword_scores: BM25 scores of `keyword`.
        concepts: The question's words.
        similarity: Highest cosine of the original vectors; 0 if there are no passages.
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
    """Rank the passages for a question.

    Args:
        passages: The passages to search.
        question: The question's text.
        vector: The question's embedding, (dimension,) and L2-normalised.
        filters: Limits on the search.
    """
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
    """Rows near a question and their cosines after centring each language, unordered."""
    centred = centres.centre(vector, language)
    rows, cosines = collection.vectors.nearest(centred, _POOL, allowed)
    languages = [collection.keywords.languages[row] for row in rows]
    return rows, centres.cosines(centred, rows, languages, cosines * np.linalg.norm(centred))


def by_words(
    passages: Passages,
    concepts: tuple[Concept, ...],
    allowed: list[NDArray[np.bool_] | None],
) -> tuple[Rows, Scores]:
    """Rows that share words with a question and their BM25 scores, best first."""
    scores = bm25(concepts, len(passages))
    for start, passing in zip(passages.starts, allowed, strict=False):
        if passing is not None:
            scores[start : start + len(passing)] *= passing
    rows = np.flatnonzero(scores)
    return best(rows, scores[rows], _LISTED)
