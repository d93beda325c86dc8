"""Passages that may answer a question, by vectors and by words; knows nothing of their order.

One version of the index with all that belongs to it; a question is answered from one
version, even if a build switches to another meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.documents import SearchFilters
from assistant.index import OpenIndex
from assistant.index.exact_vectors import ExactVectors
from assistant.index.language_centres import LanguageCentres
from assistant.keywords import KeywordIndex
from assistant.keywords.index import Concept, Rows, Scores
from assistant.language import language_of

# The nearest by whole vectors, as Chroma finds them, which knows nothing of the languages'
# means; nearly all of the best by the centred cosine are among them (docs/evaluation.md).
_POOL = 500
_LISTED = 100  # of each ranking
# A search among given ids takes longer the more there are. With more than so many, Chroma is
# asked among all for a few times what is wanted; the ids follow where too few of those pass.
_MOST_IDS = 4000
_WIDER = 4
_ENOUGH = 2 * _LISTED


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


class SearchableVersion:
    """Vectors, words and means of one version of the index."""

    def __init__(self, opened: OpenIndex, *, most_ids: int = _MOST_IDS, exact: bool = True) -> None:
        """Open what a build wrote beside the vectors.

        Args:
            opened: The version.
            exact: Compare with all vectors, where the version has them in a file.
            most_ids: Otherwise, where more chunks pass a filter, Chroma is asked among all first.

        Raises:
            IndexCorruptError: It is missing or cannot be read.
        """
        self.name = opened.name
        self.manifest = opened.manifest
        self._opened = opened  # which stays open as long as it is held
        self.store = opened.store
        self.keywords = KeywordIndex(opened.folder)
        self._centres = LanguageCentres(opened.folder)
        shape = (len(self.keywords), self.manifest.dimension)
        self._exact = ExactVectors.of(opened.folder, shape) if exact else None
        self._most_ids = most_ids

    def candidates(
        self, question: str, vector: NDArray[np.float32], filters: SearchFilters | None = None
    ) -> Candidates:
        """Both rankings for a question whose vector is (dimension,) and L2-normalised."""
        allowed = self.keywords.allowed(filters)
        concepts = tuple(self.keywords.concepts(question))
        dense, dense_scores, similarity = self._dense(question, vector, allowed)
        keyword, keyword_scores = self._keyword(concepts, allowed)
        return Candidates(
            dense, dense_scores, keyword, keyword_scores, concepts, similarity=similarity
        )

    def _dense(
        self, question: str, vector: NDArray[np.float32], allowed: NDArray[np.bool_] | None
    ) -> tuple[Rows, Scores, float]:
        if allowed is not None and not allowed.any():
            return np.empty(0, np.int64), np.empty(0, np.float32), 0.0
        centred = self._centres.centre(vector, language_of(question))
        rows, cosines = self._nearest(centred, _POOL, allowed)
        languages = [self.keywords.languages[row] for row in rows]
        products = cosines * np.linalg.norm(centred)
        scores = self._centres.cosines(centred, rows, languages, products)
        _, whole = self._nearest(vector, 1, allowed)
        return (*best(rows, scores), float(whole.max(initial=0.0)))

    def _nearest(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[Rows, Scores]:
        """Rows and cosines of about the `count` nearest that are allowed, best first."""
        if self._exact is not None:
            cosines = self._exact.cosines(vector)
            rows = np.arange(len(cosines)) if allowed is None else np.flatnonzero(allowed)
            return best(rows, cosines[rows], count)
        if allowed is None:
            return self._rows(*self.store.nearest(vector, count))
        passing_in_all = int(np.count_nonzero(allowed))
        if passing_in_all > self._most_ids:
            rows, cosines = self._rows(*self.store.nearest(vector, max(_POOL, _WIDER * count)))
            passing = np.flatnonzero(allowed[rows])[:count]
            if len(passing) >= min(count, _ENOUGH, passing_in_all):
                return rows[passing], cosines[passing]
        among = [self.keywords.ids[row] for row in np.flatnonzero(allowed)]
        return self._rows(*self.store.nearest(vector, count, among))

    def _rows(self, identifiers: list[str], cosines: Scores) -> tuple[Rows, Scores]:
        row_of = self.keywords.row_of
        return np.array([row_of[found] for found in identifiers], dtype=np.int64), cosines

    def _keyword(
        self, concepts: tuple[Concept, ...], allowed: NDArray[np.bool_] | None
    ) -> tuple[Rows, Scores]:
        scores = self.keywords.scores(concepts)
        if allowed is not None:
            scores *= allowed
        rows = np.flatnonzero(scores)
        return best(rows, scores[rows])


def best(rows: Rows, scores: Scores, count: int = _LISTED) -> tuple[Rows, Scores]:
    """The `count` best, best first, equal ones in order of rows."""
    if len(rows) > count:  # sorting all takes longest where a word is in most chunks
        least = np.partition(scores, -count)[-count]
        kept = np.flatnonzero(scores >= least)
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))[:count]
    return rows[order], scores[order]
