"""Opens the index, and reopens it when a build has switched; knows nothing of questions."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.documents import Chunk
from assistant.embeddings.base import Embedder
from assistant.errors import AssistantError, IndexCorruptError, IndexNotFoundError
from assistant.index.chroma import ChromaServer
from assistant.index.chunk_links import places_of
from assistant.index.chunk_store import ChunkStore
from assistant.index.manifest import EMBEDDED, REBUILD, Manifest
from assistant.index.versions import POINTER, current_version, hold

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 60.0  # until a new version that could not be opened is tried again
_ATTEMPTS = 5  # a build may switch between reading the pointer and opening the version


@dataclass(frozen=True, eq=False)
class OpenIndex:
    """One version, open for questions; builds do not remove it until it is closed."""

    store: ChunkStore
    manifest: Manifest
    folder: Path
    closing: ExitStack

    @property
    def name(self) -> str:
        """Differs between versions."""
        return self.folder.name

    def close(self) -> None:
        """Release files and lock; once is enough, and more do no harm."""
        self.closing.close()

    def close_when_unused(self) -> None:
        """As `close`, as soon as nobody holds this object any more."""
        weakref.finalize(self, self.closing.close)


def open_version(
    db_folder: Path, embedder: Embedder, server: ChromaServer | None = None
) -> OpenIndex:
    """Open the version in use for searching; never creates one.

    Raises:
        IndexNotFoundError: Nothing was built in `db_folder`.
        IndexMismatchError: Another format, embedder, dimension, metric or place.
        IndexCorruptError: Manifest or vectors cannot be read, or do not agree.
        IndexServerError: The server with the vectors does not answer.
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
    raise IndexCorruptError(
        f"{db_folder / POINTER} names a version that is not there",
        expected="the pointer that a finished build wrote",
        action=f"{REBUILD} --rebuild",
    )


def open_index(
    db_folder: Path, embedder: Embedder, server: ChromaServer | None = None
) -> tuple[ChunkStore, Manifest]:
    """Store and manifest of `open_version`, held until the process ends."""
    opened = open_version(db_folder, embedder, server)
    return opened.store, opened.manifest


def _opened(
    version: Path,
    embedder: Embedder,
    server: ChromaServer | None,
    closing: ExitStack,
) -> OpenIndex:
    manifest = Manifest.read(version)
    manifest.check_embedder(embedder.identity, embedder.dimension)
    manifest.check_vectors(server.url if server else EMBEDDED)
    store = ChunkStore(version, places=places_of(manifest.sources), server=server)
    closing.callback(store.close)
    if len(store) != manifest.chunks:
        raise IndexCorruptError(
            f"the index {version} has {len(store)} chunks",
            expected=f"{manifest.chunks} chunks, as its manifest says",
            action=f"{REBUILD} --rebuild",
        )
    return OpenIndex(store, manifest, version, closing.pop_all())


class LiveIndex:
    """The index in use, for an app that runs while builds write new versions.

    Looks at the pointer file at most once in `check_seconds` and reopens when a build
    has switched. A new version that cannot be opened is logged and tried again later, and
    the old one goes on answering. A version is closed when whoever took it from `current`
    holds it no more.
    """

    def __init__(
        self,
        db_folder: Path,
        embedder: Embedder,
        server: ChromaServer | None = None,
        *,
        check_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the index; raises what `open_version` raises."""
        self._arguments = (db_folder, embedder, server)
        self._pointer = db_folder / POINTER
        self._check_seconds = check_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._stamp = self._read_stamp()
        self._checked = clock()
        self._refused: tuple[int, int, int] | None = None  # stamp of what could not be opened
        self._try_again = 0.0
        self._open = open_version(*self._arguments)

    def current(self) -> OpenIndex:
        """The version in use; take it once for a question and use it to the end."""
        with self._lock:
            if self._clock() - self._checked >= self._check_seconds:
                self._checked = self._clock()
                stamp = self._read_stamp()
                tried = stamp == self._refused and self._clock() < self._try_again
                if stamp != self._stamp and not tried:
                    self._reopen(stamp)
            return self._open

    def search(
        self, vector: NDArray[np.float32], count: int, where: dict[str, Any] | None = None
    ) -> list[tuple[Chunk, float]]:
        """`ChunkStore.search` in the version in use."""
        opened = self.current()  # is closed when nobody holds it
        return opened.store.search(vector, count, where)

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            self._open.close()

    def _reopen(self, stamp: tuple[int, int, int] | None) -> None:
        try:
            opened = open_version(*self._arguments)
        except (AssistantError, OSError) as error:
            logger.warning("the new index cannot be used, the old one stays: %s", error)
            self._refused, self._try_again = stamp, self._clock() + _RETRY_SECONDS
            return
        self._stamp = stamp
        if opened.name == self._open.name:
            opened.close()
            return
        self._open.close_when_unused()
        self._open = opened
        logger.info("new index in use: %d chunks", opened.manifest.chunks)

    def _read_stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._pointer.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
