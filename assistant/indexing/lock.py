"""Locks an index, so that only one build at a time writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.index.atomic_files import writing
from assistant.index.versions import build_lock


@contextmanager
def build_locked(db_folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the build lock of an index within a `with` block.

    Args:
        db_folder: Folder of the index; created if missing.
        wait: Wait for another build instead of raising.

    Raises:
        IndexBusyError: Another build holds the lock, and `wait` is False.
        IndexWriteError: The folder cannot be written.
    """
    with writing(db_folder):
        lock = build_lock(db_folder, wait=wait)
    try:
        yield
    finally:
        lock.release()
