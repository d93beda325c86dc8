"""What an index holds, read from its Chroma collection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.documents import Chunk
from assistant.embeddings import Embedder
from assistant.index import Manifest, open_version
from assistant.index.chunk_store import ChunkStore


def open_index(db_folder: Path, embedder: Embedder) -> tuple[ChunkStore, Manifest]:
    """Store and manifest of the version in use, which stays locked."""
    opened = open_version(db_folder, embedder)
    return opened.store, opened.manifest


def chunks_in(store: ChunkStore) -> list[Chunk]:
    """Every chunk."""
    return list(store.get(store.vectors()).values())


def nearest_in(
    store: ChunkStore, vector: NDArray[np.float32], count: int
) -> list[tuple[Chunk, float]]:
    """The nearest chunks with their cosines, best first."""
    identifiers, cosines = store.nearest(vector, count)
    chunks = store.get(identifiers)
    return [
        (chunks[each], float(cosine)) for each, cosine in zip(identifiers, cosines, strict=True)
    ]
