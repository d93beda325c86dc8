"""The vectors of a smaller collection in memory, each of which is compared with the question.

Up to some ten thousand chunks a product with all vectors is faster than Chroma's graph
and misses nothing: many equal vectors cut parts of a graph off (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.embeddings.base import Vectors
from assistant.errors import IndexCorruptError
from assistant.index.nearest import best

if TYPE_CHECKING:
    from assistant.keywords.concepts import Rows, Scores

MOST = 20_000  # chunks; 31 MB with 384 dimensions
_FILE = "vectors.npy"


def write_exact_vectors(folder: Path, portions: Sequence[Vectors] | None, dimension: int) -> None:
    """Write the vectors in the order of the keyword index; None: there are too many."""
    if portions is None:
        (folder / _FILE).unlink(missing_ok=True)  # copied with a version that had fewer
        return
    np.save(folder / _FILE, np.concatenate([np.empty((0, dimension), np.float32), *portions]))


class ExactVectors:
    """Every vector of one collection.

    Args:
        vectors: (n, dimension) float32, L2-normalised, in the order of the keyword index.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    @classmethod
    def of_version(cls, folder: Path, shape: tuple[int, int]) -> ExactVectors | None:
        """What `write_exact_vectors` wrote; None where it wrote nothing.

        The file is read, not mapped: a mapped file that is cut off while it is searched
        ends the process with a bus error.

        Raises:
            IndexCorruptError: It cannot be read, or is not of that shape.
        """
        file = folder / _FILE
        if not file.exists():
            return None
        try:
            vectors = np.load(file)
            if vectors.shape != shape or vectors.dtype != np.float32:
                raise ValueError(f"it holds {vectors.dtype} {vectors.shape}, not float32 {shape}")
        except (OSError, EOFError, ValueError, TokenError) as error:
            raise IndexCorruptError.of(file, error) from error
        return cls(vectors)

    def nearest(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Scores]:
        """Rows and cosines of the `count` nearest that are allowed, best first.

        Args:
            vector: (dimension,) float32 of any length but 0.
            count: Fewer are returned where fewer are allowed.
            allowed: (n,) which rows to choose from; None: all.
        """
        # Not `@`, whose threads go on waiting and take the processors from the encoder.
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        cosines = np.asarray(np.einsum("nd,d->n", self._vectors, unit))
        rows = np.arange(len(cosines)) if allowed is None else np.flatnonzero(allowed)
        return best(rows, cosines[rows], count)

    def of(self, rows: Rows) -> Vectors:
        """(n, dimension) the vectors of some rows."""
        return self._vectors[rows]
