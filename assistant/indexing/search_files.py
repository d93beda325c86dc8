"""Writes the search files of a version: keywords, language centres and exact vectors.

They are computed from all chunks at the end of a build, in order of address and line. Vectors
are written only for indexes small enough for exact search.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.index.exact_vectors import MOST, write_exact_vectors
from assistant.index.language_centres import LanguageCentres
from assistant.keywords import write_keyword_index

_AT_ONCE = 2000  # vectors


class SearchFiles:
    """Collects the chunks of a version, then writes its search files.

    Chunks are kept in memory, vectors in an unnamed temporary file in the version's folder.

    Args:
        version: Folder of the version.
        dimension: Length of a vector.
    """

    def __init__(self, version: Path, dimension: int) -> None:
        self._version, self._dimension = version, dimension
        self._chunks: list[Chunk] = []
        self._vectors = tempfile.TemporaryFile(dir=version)  # noqa: SIM115 (see `close`)

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Add chunks and their vectors.

        Args:
            chunks: Chunks in any order of documents, but in order within each.
            vectors: (n, dimension) float32, in the order of `chunks`.
        """
        self._chunks += chunks
        self._vectors.write(vectors.tobytes())

    def __len__(self) -> int:
        """Number of chunks that were taken."""
        return len(self._chunks)

    def write(self, before: Path | None = None) -> None:
        """Write all search files, reusing results of the version in the folder `before`."""
        keys = [(chunk.address, chunk.start_line, chunk.end_line) for chunk in self._chunks]
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
        chunks = [self._chunks[row] for row in order]
        write_keyword_index(self._version, chunks, before)
        held = list(self._portions(order)) if len(chunks) <= MOST else None
        write_exact_vectors(self._version, held, self._dimension)
        languages = [chunk.language for chunk in chunks]
        centres = LanguageCentres.of(
            languages, self._dimension, lambda: self._portions(order) if held is None else held
        )
        centres.write(self._version, self._dimension)

    def close(self) -> None:
        """Delete the temporary file."""
        self._vectors.close()

    def _portions(self, order: NDArray[np.int64]) -> Iterator[Vectors]:
        self._vectors.flush()
        shape = (len(order), self._dimension)
        for start in range(0, len(order), _AT_ONCE):
            # Mapped again for each part, so that only its pages count as this process's memory.
            rows = np.memmap(self._vectors, np.float32, "r", shape=shape)
            yield rows[order[start : start + _AT_ONCE]]
