"""Passages nearest to a vector, found through Chroma's graph; see also `exact_vectors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.embeddings.base import Vectors
from assistant.index.chunk_store import ChunkStore

if TYPE_CHECKING:  # words are heavy to load, and a build that changes nothing needs none
    from assistant.keywords import KeywordIndex
    from assistant.keywords.concepts import Rows, Scores

# A search among given ids takes longer the more there are. With more than so many, Chroma is
# asked among all for a few times what is wanted; the ids follow where too few of those pass.
_MOST_IDS = 4000
_WIDER, _WIDEST = 4, 500
_ENOUGH = 200


class NearestRows(Protocol):
    """What is asked of the vectors of a collection, whose rows are those of its keywords."""

    def nearest(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Rows and cosines of about the `count` nearest that are allowed, best first.

        Args:
            vector: (dimension,) float32 of any length but 0.
            count: Fewer are returned where fewer are allowed.
            allowed: (n,) which rows to choose from; None: all.
        """
        ...

    def of(self, rows: Rows) -> Vectors:
        """(n, dimension) the vectors of some rows, L2-normalised."""
        ...


class GraphVectors:
    """The vectors of an open store."""

    def __init__(self, store: ChunkStore, keywords: KeywordIndex) -> None:
        self._store = store
        self._keywords = keywords

    def nearest(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Rows and cosines of about the `count` nearest that are allowed, best first."""
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
        """Those of the nearest of all that are allowed, which may be too few."""
        rows, cosines = self._rows(*self._store.nearest(vector, max(_WIDEST, _WIDER * count)))
        passing = np.flatnonzero(allowed[rows])[:count]
        return rows[passing], cosines[passing]

    def among(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_]
    ) -> tuple[Rows, Scores]:
        """The nearest of those that are allowed, each of which is named to Chroma."""
        identifiers = [self._keywords.ids[row] for row in np.flatnonzero(allowed)]
        return self._rows(*self._store.nearest(vector, count, identifiers))

    def of(self, rows: Rows) -> Vectors:
        """(n, dimension) the vectors of some rows."""
        identifiers = [self._keywords.ids[row] for row in rows]
        found = self._store.vectors(identifiers)
        return np.stack([found[identifier] for identifier in identifiers])

    def _rows(self, identifiers: list[str], cosines: Scores) -> tuple[Rows, Scores]:
        row_of = self._keywords.row_of
        return np.array([row_of[found] for found in identifiers], dtype=np.int64), cosines


def best(rows: Rows, scores: Scores, count: int) -> tuple[Rows, Scores]:
    """The `count` best, best first, equal ones in order of rows."""
    if len(rows) > count:  # sorting all takes longest where a word is in most chunks
        least = np.partition(scores, -count)[-count]
        kept = np.flatnonzero(scores >= least)
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))[:count]
    return rows[order], scores[order]
