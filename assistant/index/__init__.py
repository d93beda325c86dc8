"""Reads the persisted index; `indexing` builds it.

An index folder holds `current` (the name of the version in use), `versions/` (each with a
Chroma database, its chunks and its manifest) and `embeddings/` (vectors by content, kept
across builds).
"""

from __future__ import annotations

from assistant.index.atomic_files import writing
from assistant.index.chroma import ChromaServer
from assistant.index.chunk_store import ChunkStore
from assistant.index.collection import Collection, LendsCollection
from assistant.index.live import LiveIndex
from assistant.index.manifest import EMBEDDED, Manifest
from assistant.index.opened import OpenVersion, open_version
from assistant.index.versions import build_lock, current_version

__all__ = [
    "EMBEDDED",
    "ChromaServer",
    "ChunkStore",
    "Collection",
    "LendsCollection",
    "LiveIndex",
    "Manifest",
    "OpenVersion",
    "build_lock",
    "current_version",
    "open_version",
    "writing",
]
