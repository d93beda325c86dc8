"""Writes files so that they survive a crash, and explains errors in writing them."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import IndexWriteError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def writing(db_folder: Path) -> Iterator[None]:
    """Turn errors in writing the index into an `IndexWriteError`.

    Raises:
        IndexWriteError: The block raised an OSError or an SQLite error.
    """
    try:
        yield
    except (OSError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise write_error(db_folder, error) from error


def write_error(db_folder: Path, error: Exception) -> IndexWriteError:
    """Return the error to show; its advice depends on the exception's number and message."""
    words = str(error).casefold()
    number = error.errno if isinstance(error, OSError) else None
    expected, action = "a writable disk", "Check the disk, then build again."
    if number in _FULL or "full" in words or "no space" in words:
        expected = "free space; a build needs about three times the size of the index"
        action = "Free disk space or choose another folder with --db, then build again."
    elif number in _FORBIDDEN or "readonly" in words or "read-only" in words or "denied" in words:
        expected = "permission to write there"
        action = "Change the permissions, or choose another folder with --db."
    return IndexWriteError(
        f"the index in {db_folder} cannot be written: {error}. The index in use is unchanged",
        expected=expected,
        action=f"{action} Embeddings computed so far are kept.",
    )


def sync_tree(folder: Path) -> None:
    """Flush `folder` and everything in it to the disk."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync_path(Path(parent, name))
        sync_path(Path(parent))


def replace_text(file: Path, text: str, *, sync: bool = True) -> None:
    """Replace a file atomically: after a crash it has either the old content or the new.

    Args:
        file: The file to replace.
        text: Its new content.
        sync: Flush it to the disk before returning; otherwise it survives a crash of this
            process, but not of the machine.
    """
    partial = file.with_name(f"{file.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        if sync:
            stream.flush()
            os.fsync(stream.fileno())
    partial.replace(file)
    if sync:
        sync_path(file.parent)


def sync_path(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk."""
    windows = os.name == "nt"  # Windows cannot open folders, and syncs only writable files
    if windows and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
