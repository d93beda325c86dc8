"""The version of the index that is in use, lent to each question; follows builds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant.embeddings.base import Embedder
from assistant.errors import AssistantError, IndexNotFoundError
from assistant.index.chroma import ChromaServer
from assistant.index.opened import OpenVersion, open_version
from assistant.index.versions import POINTER

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 60.0  # until a new version that could not be opened is tried again

_Stamp = tuple[int, int, int]


@dataclass
class _Lent:
    """An open version, and how many leases of it have not ended."""

    version: OpenVersion
    leases: int = 0


class LiveIndex:
    """The index in use, for an app that runs while builds write new versions.

    Looks at the pointer file at most once in `check_seconds` and opens the new version
    when a build has switched. While one thread opens it, the others use the old one. A new
    version of which any part cannot be opened is logged once and tried again later, and
    the old one stays in use. A version is closed when it has been replaced, or the index
    was closed, and the last lease of it has ended.
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
        self._following = threading.Lock()  # of the three below
        self._stamp = self._read_stamp()
        self._checked = clock()
        # Stamp of a version that could not be opened, and when to try it again.
        self._refused: tuple[_Stamp | None, float] | None = None
        self._counting = threading.Lock()  # of leases, and of what is lent
        self._lent: _Lent | None = _Lent(open_version(*self._arguments))

    @contextmanager
    def current(self) -> Iterator[OpenVersion]:
        """Lend the version in use, which stays open until the context ends.

        Raises:
            IndexNotFoundError: The index was closed.
        """
        self._follow()
        lent = self._begin()
        try:
            yield lent.version
        finally:
            self._end(lent)

    def close(self) -> None:
        """Lend no more, and close what is open, or have it closed by the end of its last lease."""
        with self._following:  # a version that is being opened is closed, too
            self._replace(None)

    def _begin(self) -> _Lent:
        with self._counting:
            if self._lent is None:
                raise IndexNotFoundError(
                    f"the index {self._pointer.parent} was closed",
                    expected="an index that is open",
                    action="Start the program again.",
                )
            self._lent.leases += 1
            return self._lent

    def _end(self, lent: _Lent) -> None:
        with self._counting:
            lent.leases -= 1
            unused = lent is not self._lent and not lent.leases
        if unused:
            lent.version.close()

    def _replace(self, lent: _Lent | None) -> None:
        with self._counting:
            before, self._lent = self._lent, lent
            unused = before is not None and not before.leases
        if before is not None and unused:
            before.version.close()

    def _follow(self) -> None:
        """Look at the pointer, unless that was done just now or is being done."""
        if self._clock() - self._checked < self._check_seconds:
            return
        if not self._following.acquire(blocking=False):
            return
        try:
            self._checked = self._clock()
            stamp = self._read_stamp()
            if self._lent is not None and stamp != self._stamp and not self._too_early(stamp):
                self._reopen(stamp, self._lent.version.name)
        finally:
            self._following.release()

    def _too_early(self, stamp: _Stamp | None) -> bool:
        """Whether that version was refused less than a minute ago."""
        return (
            self._refused is not None
            and self._refused[0] == stamp
            and self._clock() < self._refused[1]
        )

    def _reopen(self, stamp: _Stamp | None, name: str) -> None:
        try:
            version = open_version(*self._arguments)
        except (AssistantError, OSError) as error:
            if self._refused is None or self._refused[0] != stamp:
                logger.warning("the new index cannot be used, the old one stays: %s", error)
            self._refused = stamp, self._clock() + _RETRY_SECONDS
            return
        self._stamp = stamp
        if version.name == name:
            version.close()
            return
        self._replace(_Lent(version))
        logger.info("new index in use: %d chunks", version.manifest.chunks)

    def _read_stamp(self) -> _Stamp | None:
        try:
            status = self._pointer.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
