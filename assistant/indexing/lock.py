"""Only one build at a time writes an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.index.atomic_files import writing
from assistant.index.versions import build_lock


@contextmanager
def build_locked(db_folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the build lock of an index; the folder is made if it is not there.

    Args:
        db_folder: Of the index.
        wait: Wait for another build instead of raising.

    Raises:
        IndexBusyError: Another build holds it, and it is not to be waited for.
        IndexWriteError: The folder cannot be written.
    """
    with writing(db_folder):
        lock = build_lock(db_folder, wait=wait)
    try:
        yield
    finally:
        lock.release()
