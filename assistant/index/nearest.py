"""Finds the passages nearest to a vector with Chroma's graph; see also `exact_vectors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.embeddings.base import Vectors
from assistant.index.chunk_store import ChunkStore

if TYPE_CHECKING:  # slow to import, and a build that changes nothing does not need it
    from assistant.keywords import KeywordIndex
    from assistant.keywords.concepts import Rows, Scores

# A search among given ids slows down with their number. Above this number, all chunks are searched
# for a few times as many hits as wanted, and the given ids only if too few of the hits are allowed.
_MOST_IDS = 4000
_WIDER, _WIDEST = 4, 500
_ENOUGH = 200


class NearestRows(Protocol):
    """The vectors of a collection; rows are those of its keyword index."""

    def nearest(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Find the rows nearest to a vector, exactly or approximately.

        Args:
            vector: (dimension,) float32, not zero; need not be normalised.
            count: Number of rows; fewer if fewer are allowed.
            allowed: (n,) rows to choose from; None for all.

        Returns:
            (m,) rows and their (m,) cosine similarities, best first.
        """
        ...

    def of(self, rows: Rows) -> Vectors:
        """The vectors of some rows: (n, dimension) float32, L2-normalised."""
        ...


class GraphVectors:
    """Approximate search over the vectors in a store."""

    def __init__(self, store: ChunkStore, keywords: KeywordIndex) -> None:
        self._store = store
        self._keywords = keywords

    def nearest(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Find the rows nearest to a vector; see `NearestRows.nearest`."""
        if allowed is None:
            return self._rows(*self._store.nearest(vector, count))
        passing_in_all = int(np.count_nonzero(allowed))
        if passing_in_all > _MOST_IDS:
            rows, cosines = self.passing(vector, count, allowed)
            if len(rows) >= min(count, _ENOUGH, passing_in_all):
                return rows, cosines
        return self.among(vector, count, allowed)

    def passing(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_]
    ) -> tuple[Rows, Scores]:
        """Search all rows and keep the allowed ones, which may be too few."""
        rows, cosines = self._rows(*self._store.nearest(vector, max(_WIDEST, _WIDER * count)))
        passing = np.flatnonzero(allowed[rows])[:count]
        return rows[passing], cosines[passing]

    def among(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_]
    ) -> tuple[Rows, Scores]:
        """Search only the allowed rows, passing their ids to Chroma."""
        identifiers = [self._keywords.ids[row] for row in np.flatnonzero(allowed)]
        return self._rows(*self._store.nearest(vector, count, identifiers))

    def of(self, rows: Rows) -> Vectors:
        """The vectors of some rows: (n, dimension) float32, L2-normalised."""
        identifiers = [self._keywords.ids[row] for row in rows]
        found = self._store.vectors(identifiers)
        return np.stack([found[identifier] for identifier in identifiers])

    def _rows(self, identifiers: list[str], cosines: Scores) -> tuple[Rows, Scores]:
        row_of = self._keywords.row_of
        return np.array([row_of[found] for found in identifiers], dtype=np.int64), cosines


def best(rows: Rows, scores: Scores, count: int) -> tuple[Rows, Scores]:
    """The `count` best rows and their scores, best first; ties in order of rows."""
    if len(rows) > count:  # sorting everything is slow if a word is in most chunks
        least = np.partition(scores, -count)[-count]
        kept = np.flatnonzero(scores >= least)
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))[:count]
    return rows[order], scores[order]
