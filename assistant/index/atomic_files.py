"""Files that survive a crash of the machine, and errors of writing them in words."""

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
    """Turn what the disk refuses into an `IndexWriteError` with what to do."""
    try:
        yield
    except (OSError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise write_error(db_folder, error) from error


def write_error(db_folder: Path, error: Exception) -> IndexWriteError:
    """The error for people; any exception's words are looked at."""
    words = str(error).casefold()
    number = error.errno if isinstance(error, OSError) else None
    expected, action = "a disk that can be written", "Look at the disk, then build again."
    if number in _FULL or "full" in words or "no space" in words:
        expected = "free space; a build needs about three times the size of the index"
        action = "Free some space, or name another folder with --db; then build again."
    elif number in _FORBIDDEN or "readonly" in words or "read-only" in words or "denied" in words:
        expected = "permission to write there"
        action = "Change the permissions, or name another folder with --db."
    return IndexWriteError(
        f"the index in {db_folder} cannot be written: {error}. The index in use is unchanged",
        expected=expected,
        action=f"{action} What was embedded is kept.",
    )


def sync_tree(folder: Path) -> None:
    """Have every file and folder below and `folder` itself on the disk."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            _sync(Path(parent, name))
        _sync(Path(parent))


def sync_folder(folder: Path) -> None:
    """Have the folder's list of names on the disk."""
    _sync(folder)


def replace_text(file: Path, text: str, *, sync: bool = True) -> None:
    """Write a file in one step: after a crash it has the old content or the new.

    Args:
        file: Is replaced by one that is written beside it.
        text: Its new content.
        sync: Have it on the disk before returning; without, only a crash of this process is
            survived, not one of the machine.
    """
    partial = file.with_name(f"{file.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        if sync:
            stream.flush()
            os.fsync(stream.fileno())
    partial.replace(file)
    if sync:
        _sync(file.parent)


def _sync(path: Path) -> None:
    windows = os.name == "nt"  # which opens no folders, and syncs only what may be written
    if windows and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
