"""Reads the persisted index; `indexing` builds it.

An index folder holds `current` (the name of the version in use), `versions/` (each with a
Chroma database, its chunks and its manifest) and `embeddings/` (vectors by content, kept
across builds).
"""

from assistant.index.chroma import ChromaServer
from assistant.index.collection import Collection, LendsCollection
from assistant.index.live import LiveIndex
from assistant.index.manifest import Manifest
from assistant.index.opened import OpenVersion, open_version
from assistant.index.versions import current_version

__all__ = [
    "ChromaServer",
    "Collection",
    "LendsCollection",
    "LiveIndex",
    "Manifest",
    "OpenVersion",
    "current_version",
    "open_version",
]
