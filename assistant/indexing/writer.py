"""Writes a version's chunks and vectors while the next are embedded; a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.errors import AssistantError
from assistant.index.atomic_files import write_error
from assistant.index.chroma import ChromaServer
from assistant.index.chunk_file import ChunkFileWriter
from assistant.index.chunk_store import ChunkStore

_WAITING = 2  # windows that may wait to be written; bounds the memory


@dataclass(frozen=True, slots=True)
class Window:
    """Documents that are written together.

    Attributes:
        lines: For the chunk file.
        chunks: To be added, or to replace those with the same ids.
        vectors: Of these, (n, dimension) float32.
    """

    lines: Sequence[str]
    chunks: Sequence[Chunk]
    vectors: Vectors


class VersionWriter:
    """Takes windows until `finish`; errors of writing come out of `put` and `finish`.

    Args:
        version: The new version's folder.
        create: Whether its collection is new, or was copied with the folder.
        server: Holds the collection instead of the folder.
    """

    def __init__(self, version: Path, *, create: bool, server: ChromaServer | None) -> None:
        self._version = version
        self._create = create
        self._server = server
        self._store: ChunkStore | None = None
        self._file = ChunkFileWriter(version)
        self._windows: queue.Queue[Window | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def put(self, window: Window) -> None:
        """Have a window written; waits while too many are waiting."""
        self._raise()
        self._windows.put(window)

    def finish(self, gone: Sequence[str]) -> int | None:
        """Write the rest, delete chunks and close.

        Returns:
            Number of chunks; None where the collection had not to be touched.
        """
        self._windows.put(None)
        self._thread.join()
        self._raise()
        self._file.close()
        if self._create or gone:
            self._opened().delete(gone)
        if self._store is None:
            return None
        count = len(self._store)
        self._store.close()
        return count

    def stop(self) -> None:
        """Give up, without waiting for what is waiting."""
        while self._thread.is_alive():
            try:
                self._windows.get_nowait()
            except queue.Empty:
                self._windows.put(None)
                self._thread.join()
        if self._store is not None:
            self._store.close()

    def _opened(self) -> ChunkStore:
        if self._store is None:
            self._store = ChunkStore(self._version, create=self._create, server=self._server)
        return self._store

    def _write_all(self) -> None:
        while (window := self._windows.get()) is not None:
            if self._error is None:
                self._write(window)

    def _write(self, window: Window) -> None:
        try:
            for line in window.lines:
                self._file.write(line)
            if window.chunks:
                self._opened().write(window.chunks, window.vectors)
        except AssistantError as error:
            self._error = error
        except OSError as error:
            self._error = write_error(self._version, error)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
