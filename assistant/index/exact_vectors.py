"""The vectors of a smaller version in one file, to be searched one by one; knows no Chroma.

Up to some ten thousand chunks a product with all vectors is faster than Chroma's graph
and misses nothing: many equal vectors cut parts of a graph off (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.embeddings.base import Vectors
from assistant.errors import IndexCorruptError
from assistant.index.manifest import REBUILD

MOST = 20_000  # chunks; 31 MB with 384 dimensions
_FILE = "vectors.npy"


def write_exact_vectors(folder: Path, portions: Sequence[Vectors] | None, dimension: int) -> None:
    """Write the vectors in the order of the keyword index; None: there are too many."""
    if portions is None:
        (folder / _FILE).unlink(missing_ok=True)  # copied with a version that had fewer
        return
    np.save(folder / _FILE, np.concatenate([np.empty((0, dimension), np.float32), *portions]))


class ExactVectors:
    """Every vector of one version.

    Args:
        vectors: (n, dimension) float32, L2-normalised.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    @classmethod
    def of(cls, folder: Path, shape: tuple[int, int]) -> ExactVectors | None:
        """What `write_exact_vectors` wrote; None where it wrote nothing.

        Raises:
            IndexCorruptError: It cannot be read, or is not of that shape.
        """
        file = folder / _FILE
        if not file.exists():
            return None
        try:
            vectors = np.load(file, mmap_mode="r" if shape[0] else None)
            if vectors.shape != shape or vectors.dtype != np.float32:
                raise ValueError(f"it holds {vectors.dtype} {vectors.shape}, not float32 {shape}")
        except (OSError, EOFError, ValueError) as error:
            raise IndexCorruptError(
                f"{file} cannot be read: {error}",
                expected="the file that a finished build wrote",
                action=f"{REBUILD} --rebuild",
            ) from error
        return cls(vectors)

    def cosines(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) cosines with a vector (dimension,) of any length but 0."""
        # Not `@`, whose threads go on waiting and take the processors from the encoder.
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        return np.asarray(np.einsum("nd,d->n", self._vectors, unit))
