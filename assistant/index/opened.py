"""Opens an index version with all its parts, or fails without leaving any open."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from assistant.embeddings.base import Embedder
from assistant.errors import IndexCorruptError, IndexNotFoundError
from assistant.index.chroma import ChromaServer
from assistant.index.chunk_store import ChunkStore
from assistant.index.collection import Collection
from assistant.index.exact_vectors import ExactVectors
from assistant.index.language_centres import LanguageCentres
from assistant.index.manifest import EMBEDDED, REBUILD, Manifest
from assistant.index.nearest import GraphVectors
from assistant.index.versions import POINTER, current_version, hold

_ATTEMPTS = 5  # a build may switch between reading the pointer and opening the version


@dataclass(frozen=True, eq=False)
class OpenVersion(Collection):
    """A version that is open for questions; builds do not remove it until it is closed.

    Attributes:
        store: Its Chroma collection.
        manifest: Its manifest.
        folder: Its folder, whose name is that of the version.
        closing: Resources that `close` releases.
    """

    store: ChunkStore
    manifest: Manifest
    folder: Path
    closing: ExitStack

    def close(self) -> None:
        """Release files and lock; a second call does nothing."""
        self.closing.close()


def open_version(
    db_folder: Path, embedder: Embedder, server: ChromaServer | None = None
) -> OpenVersion:
    """Open the version in use for searching.

    Args:
        db_folder: Folder of the index.
        embedder: Embedder that the index must have been built with.
        server: Server that holds the vectors; None if they are in `db_folder`.

    Raises:
        IndexNotFoundError: There is no index in `db_folder`.
        IndexMismatchError: The format, embedder, dimension, metric or location of the vectors
            differs.
        IndexCorruptError: A part cannot be read, or the parts contradict each other.
        IndexServerError: The server does not respond.
    """
    for attempt in range(_ATTEMPTS):
        version = current_version(db_folder)
        if version is None:
            raise IndexNotFoundError(
                f"there is no index in {db_folder}", expected="a finished build", action=REBUILD
            )
        try:
            release = hold(version)
        except FileNotFoundError:
            time.sleep(0.01 * attempt)
            continue
        with ExitStack() as closing:
            closing.callback(release)
            return _opened(version, embedder, server, closing)
    raise IndexCorruptError.of(db_folder / POINTER, "it names a missing version")


def _opened(
    version: Path, embedder: Embedder, server: ChromaServer | None, closing: ExitStack
) -> OpenVersion:
    from assistant.keywords import KeywordIndex  # slow to import

    manifest = Manifest.read(version)
    manifest.check_embedder(embedder.identity, embedder.dimension)
    manifest.check_vectors(server.url if server else EMBEDDED)
    store = ChunkStore(version, sources=manifest.sources, server=server)
    closing.callback(store.close)
    keywords = KeywordIndex.open(version)
    for part, count in (("Chroma", len(store)), ("keywords", len(keywords))):
        if count != manifest.chunks:
            why = f"its manifest lists {manifest.chunks} chunks, but {part} has {count}"
            raise IndexCorruptError.of(f"the index {version}", why)
    shape = (manifest.chunks, manifest.dimension)
    return OpenVersion(
        name=version.name,
        sources=tuple(manifest.sources),
        keywords=keywords,
        vectors=ExactVectors.of_version(version, shape) or GraphVectors(store, keywords),
        centres=LanguageCentres.open(version, shape),
        store=store,
        manifest=manifest,
        folder=version,
        closing=closing.pop_all(),
    )
