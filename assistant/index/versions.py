"""Manages the version folders of an index: which is in use, and which may be removed.

The first line of `current` names the version in use, the second the previous one. Readers of a
version hold a shared lock on its folder (`hold`), which the system releases if the process
dies. Builds remove only versions without such a lock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from assistant.index.atomic_files import replace_text, sync_path

try:
    import fcntl
except ImportError:  # Windows, which does not remove files that are open
    fcntl = None  # type: ignore[assignment]

POINTER = "current"
_VERSIONS = "versions"


def current_version(db_folder: Path) -> Path | None:
    """Folder of the version in use, or of the previous one if that is missing; None if neither."""
    folders = (db_folder / _VERSIONS / name for name in _pointer(db_folder))
    return next((folder for folder in folders if folder.is_dir()), None)


def new_version(db_folder: Path, copy_of: Path | None) -> Path:
    """Create the folder of a new version, empty or as a copy of another without its manifest."""
    folder = db_folder / _VERSIONS / uuid.uuid4().hex[:12]
    try:
        if copy_of is None:
            folder.mkdir(parents=True)
        else:
            shutil.copytree(copy_of, folder, ignore=shutil.ignore_patterns("manifest.json"))
    except BaseException:  # a partial copy would keep a full disk full
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def switch_to(db_folder: Path, version: Path) -> None:
    """Atomically make `version`, which has been flushed to the disk, the one in use."""
    before = _pointer(db_folder)[:1]
    sync_path(db_folder / _VERSIONS)
    replace_text(db_folder / POINTER, "\n".join([version.name, *before]) + "\n")


def remove_unused(db_folder: Path, also: Callable[[Path], None] = lambda _: None) -> None:
    """Remove versions other than the current, the previous and those held by readers.

    This includes leftovers of killed builds.

    Args:
        db_folder: Folder of the index.
        also: Called with each folder before it is removed.
    """
    kept = _pointer(db_folder)
    versions = db_folder / _VERSIONS
    for folder in sorted(versions.iterdir()) if versions.is_dir() else []:
        if folder.name in kept or _is_held(folder):
            continue
        also(folder)
        shutil.rmtree(folder, ignore_errors=True)  # on Windows, another process may have it open
    for partial in db_folder.glob("*.partial"):
        partial.unlink(missing_ok=True)


def hold(version: Path) -> Callable[[], None]:
    """Lock a version against removal by builds.

    Returns:
        A callable that releases it.

    Raises:
        FileNotFoundError: The version has been removed.
    """
    if fcntl is None:
        return lambda: None
    descriptor = os.open(version, os.O_RDONLY)
    with contextlib.suppress(OSError):  # being removed, or on a disk without locks
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return lambda: os.close(descriptor)


def _is_held(version: Path) -> bool:
    if fcntl is None or not version.is_dir():
        return False
    descriptor = os.open(version, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _pointer(db_folder: Path) -> list[str]:
    try:
        return (db_folder / POINTER).read_text(encoding="utf-8", errors="replace").split()
    except (FileNotFoundError, NotADirectoryError):
        return []
