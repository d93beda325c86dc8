"""Locks an index, so that only one build at a time writes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from assistant.errors import IndexBusyError
from assistant.index.atomic_files import writing

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2


@contextmanager
def build_locked(db_folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the build lock of an index within a `with` block.

    The system releases the lock if the build dies.

    Args:
        db_folder: Folder of the index; created if missing.
        wait: Wait for another build instead of raising.

    Raises:
        IndexBusyError: Another build holds the lock, and `wait` is False.
        IndexWriteError: The folder cannot be written.
    """
    lock = FileLock(db_folder / "build.lock")
    with writing(db_folder):
        db_folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            if not wait:
                raise IndexBusyError(
                    f"another build is writing {db_folder}",
                    expected="one build at a time",
                    action="Wait for it to finish, or choose another folder with --db.",
                ) from error
            logger.info("another build is writing %s; waiting for it to finish", db_folder)
            lock.acquire(timeout=-1, poll_interval=_LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()
