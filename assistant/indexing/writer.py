"""Writes a version's chunks, vectors and texts in a thread, while the next are embedded."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.index.atomic_files import writing
from assistant.index.chroma import ChromaServer
from assistant.index.chunk_file import ChunkFileWriter
from assistant.index.chunk_store import ChunkStore
from assistant.index.document_texts import DocumentTextsWriter

_WAITING = 2  # windows that may wait to be written; bounds memory


@dataclass(frozen=True, slots=True)
class Window:
    """Documents that are written together.

    Attributes:
        lines: Lines of the chunk file.
        chunks: Chunks to add, or to replace those with the same ids.
        vectors: (n, dimension) float32, in the order of `chunks`.
        texts: (address, packed text) to add or replace.
    """

    lines: Sequence[str]
    chunks: Sequence[Chunk]
    vectors: Vectors
    texts: Sequence[tuple[str, bytes]] = ()


class VersionWriter:
    """Accepts windows until `finish`; `put` and `finish` raise errors from the writing thread.

    Args:
        version: Folder of the new version.
        create: Whether to create its collection; False if it was copied with the folder.
        server: Server that holds the collection; None if it is in the folder.
    """

    def __init__(self, version: Path, *, create: bool, server: ChromaServer | None) -> None:
        self._version = version
        self._create = create
        self._server = server
        self._store: ChunkStore | None = None
        self._file = ChunkFileWriter(version)
        self._texts = DocumentTextsWriter(version)
        self._windows: queue.Queue[Window | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def put(self, window: Window) -> None:
        """Queue a window for writing; blocks while the queue is full.

        Raises:
            IndexWriteError: An earlier window could not be written.
            IndexServerError: The server does not respond.
        """
        self._raise()
        self._windows.put(window)

    def finish(
        self, gone: Sequence[str] = (), gone_documents: Sequence[str] = ()
    ) -> tuple[int | None, int]:
        """Write the remaining windows, delete removed chunks and texts, and close.

        Args:
            gone: Ids of chunks to delete.
            gone_documents: Addresses of documents to delete.

        Returns:
            The number of chunks, None if the collection was not opened; the number of texts.

        Raises:
            IndexWriteError: A window could not be written.
            IndexServerError: The server does not respond.
        """
        self._windows.put(None)
        self._thread.join()
        self._raise()
        self._file.close()
        texts = self._texts.finish(gone_documents)
        if self._create or gone:
            self._opened().delete(gone)
        if self._store is None:
            return None, texts
        count = len(self._store)
        self._close_store()
        return count, texts

    def close(self) -> None:
        """Discard queued windows and release all files."""
        while self._thread.is_alive():
            try:
                self._windows.get_nowait()
            except queue.Empty:
                self._windows.put(None)
                self._thread.join()
        self._texts.close()
        self._close_store()

    def _opened(self) -> ChunkStore:
        if self._store is None:
            self._store = ChunkStore(self._version, create=self._create, server=self._server)
        return self._store

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _write_all(self) -> None:
        while (window := self._windows.get()) is not None:
            if self._error is None:
                self._write(window)

    def _write(self, window: Window) -> None:
        try:
            with writing(self._version):
                for line in window.lines:
                    self._file.write(line)
                self._texts.write(window.texts)
                if window.chunks:
                    self._opened().write(window.chunks, window.vectors)
        except BaseException as error:  # noqa: BLE001 (raised in the thread that waits)
            self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
