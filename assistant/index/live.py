"""Lends the index version in use to each question, and follows builds to new versions."""

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
    """An open version, and the number of its active leases."""

    version: OpenVersion
    leases: int = 0


class LiveIndex:
    """The index in use, for an application that runs while builds write new versions.

    Checks the pointer file at most once per `check_seconds`, and opens the new version after
    a build has switched; meanwhile other threads use the old one. If any part of the new
    version cannot be opened, this is logged once, the old version stays in use and the new
    one is retried later. A version is closed once it has been replaced, or the index closed,
    and its last lease has ended.

    Args:
        db_folder: Folder of the index.
        embedder: Embedder that the index must have been built with.
        server: Server that holds the vectors; None if they are in `db_folder`.
        check_seconds: Shortest time between two checks of the pointer.
        clock: Returns monotonic seconds.
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
        """Open the index; raises the same errors as `open_version`."""
        self._arguments = (db_folder, embedder, server)
        self._pointer = db_folder / POINTER
        self._check_seconds = check_seconds
        self._clock = clock
        self._following = threading.Lock()  # guards the next three
        self._stamp = self._read_stamp()
        self._checked = clock()
        # Stamp of a version that could not be opened, and when to retry it.
        self._refused: tuple[_Stamp | None, float] | None = None
        self._counting = threading.Lock()  # guards `_lent` and its leases
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
        """Stop lending; the open version is closed now, or when its last lease ends."""
        with self._following:  # wait for a version that is being opened, to close it as well
            self._replace(None)

    def _begin(self) -> _Lent:
        with self._counting:
            if self._lent is None:
                raise IndexNotFoundError(
                    f"the index {self._pointer.parent} was closed",
                    expected="an open index",
                    action="Restart the program.",
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
        """Check the pointer, unless it was checked just now or another thread is doing it."""
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
        """Whether this version failed to open less than a minute ago."""
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
                logger.warning("cannot use the new index, keeping the old one: %s", error)
            self._refused = stamp, self._clock() + _RETRY_SECONDS
            return
        self._stamp = stamp
        if version.name == name:
            version.close()
            return
        self._replace(_Lent(version))
        logger.info("switched to the new index: %d chunks", version.manifest.chunks)

    def _read_stamp(self) -> _Stamp | None:
        try:
            status = self._pointer.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
