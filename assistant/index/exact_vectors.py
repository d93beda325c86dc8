"""Exact search over all vectors of a smaller collection, in memory.

Up to tens of thousands of chunks, a product with all vectors is faster than Chroma's graph and
misses nothing, while many equal vectors cut off parts of a graph (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.embeddings.base import Vectors
from assistant.errors import UNREADABLE, IndexCorruptError
from assistant.index.nearest import best

if TYPE_CHECKING:
    from assistant.keywords.concepts import Rows, Scores

MOST = 20_000  # chunks; 31 MB with 384 dimensions
_FILE = "vectors.npy"


def write_exact_vectors(folder: Path, portions: Sequence[Vectors] | None, dimension: int) -> None:
    """Write the vectors, in the order of the keyword index; None removes the file.

    Args:
        folder: Folder of the version.
        portions: Consecutive parts, each (n, dimension) float32; None if there are too many
            vectors for exact search.
        dimension: Length of a vector.
    """
    if portions is None:
        (folder / _FILE).unlink(missing_ok=True)  # copied with a version that had fewer
        return
    np.save(folder / _FILE, np.concatenate([np.empty((0, dimension), np.float32), *portions]))


class ExactVectors:
    """All vectors of a collection.

    Args:
        vectors: (n, dimension) float32, L2-normalised, in the order of the keyword index.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    @classmethod
    def of_version(cls, folder: Path, shape: tuple[int, int]) -> ExactVectors | None:
        """Read the file that `write_exact_vectors` wrote; None if it wrote none.

        The file is not memory-mapped, since truncating a mapped file would end the process
        with a bus error.

        Raises:
            IndexCorruptError: The file cannot be read, or has another shape.
        """
        file = folder / _FILE
        if not file.exists():
            return None
        try:
            vectors = np.load(file)
            if vectors.shape != shape or vectors.dtype != np.float32:
                raise ValueError(f"it holds {vectors.dtype} {vectors.shape}, not float32 {shape}")
        except UNREADABLE as error:
            raise IndexCorruptError.of(file, error) from error
        return cls(vectors)

    def nearest(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Find the rows nearest to a vector; see `NearestRows.nearest`."""
        # Not `@`, whose threads keep spinning and take processors away from the encoder.
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        cosines = np.asarray(np.einsum("nd,d->n", self._vectors, unit))
        rows = np.arange(len(cosines)) if allowed is None else np.flatnonzero(allowed)
        return best(rows, cosines[rows], count)

    def of(self, rows: Rows) -> Vectors:
        """The vectors of some rows: (n, dimension) float32, L2-normalised."""
        return self._vectors[rows]
