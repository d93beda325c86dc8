"""Lists the files of a source, and the reasons why others are skipped."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from assistant.documents import SourceFile
from assistant.errors import SourceError
from assistant.sources.checkout import Checkout
from assistant.sources.git import GitCommandError
from assistant.sources.globs import Globs, Verdict
from assistant.sources.tree import file_paths

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_MOST_BYTES = 1024

Skipped = tuple[str, str]


def list_files(
    checkout: Checkout, *, max_file_bytes: int, python_sources: bool = False
) -> tuple[list[SourceFile], list[Skipped]]:
    """List the files that the globs select.

    Args:
        checkout: The source with its files on disk.
        max_file_bytes: Larger files are skipped.
        python_sources: Whether to include Python files that the globs select.

    Returns:
        The files, and (path, reason) of selected files that are skipped; the latter include
        requirements and vocabulary lists even if an exclude glob matches them. Both are
        ordered by path.

    Raises:
        SourceError: The clone cannot be read.
    """
    globs = Globs(checkout.source)
    root = Path(os.path.realpath(checkout.folder))
    files, skipped = [], []
    real: dict[str, str] = {}
    paths, closed = _paths(checkout, globs)
    for path in sorted(paths):
        verdict = globs.judge(path)
        reason = verdict.value
        if verdict is Verdict.NOT_MATCHED:
            if not _links_to_folder(root / path):
                continue
            reason = _link_reason(root, path, real) or "symbolic link to a folder"
        elif verdict is Verdict.WANTED:
            reason = _why_not(root, path, real, max_file_bytes, python_sources)
        if reason:
            skipped.append((_printable(path), reason))
        else:
            files.append(SourceFile(checkout.source, path, root / path, checkout.commit))
    return files, sorted([*skipped, *((_printable(path), "cannot be read") for path in closed)])


def _paths(checkout: Checkout, globs: Globs) -> tuple[list[str], list[str]]:
    """Paths of files, and of folders that are not readable."""
    if checkout.source.folder is None:
        return _tracked(checkout), []
    errors: list[OSError] = []
    paths = list(_walk(checkout.folder, globs, errors.append))
    closed = (Path(str(error.filename)).relative_to(checkout.folder) for error in errors)
    return paths, [path.as_posix() for path in closed]


def _tracked(checkout: Checkout) -> list[str]:
    """Paths of files in the clone's commit."""
    try:
        return file_paths(checkout.folder, checkout.commit)
    except GitCommandError as failure:
        action = "Delete that folder; the next online build clones it again."
        if failure.timed_out:
            action = "Run the command again when the machine is less busy."
        raise SourceError(
            f"the clone {checkout.folder} cannot be listed: {failure.words}",
            expected="an intact clone",
            action=action,
        ) from failure


def _walk(folder: Path, globs: Globs, onerror: Callable[[OSError], None]) -> Iterator[str]:
    """Paths of all files below `folder`, and of links to folders, which are not followed."""
    for parent, folders, names in os.walk(folder, onerror=onerror):
        inside = Path(parent).relative_to(folder)
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        folders[:] = [
            name
            for name in folders
            if name not in links
            and name != ".git"
            and not globs.excludes_folder((inside / name).as_posix())
        ]
        for name in (*links, *names):
            yield (inside / name).as_posix()


def _links_to_folder(location: Path) -> bool:
    try:
        return location.is_symlink() and location.is_dir()
    except OSError:  # no permission to read the target
        return False


def _why_not(  # noqa: PLR0911 (one for each reason)
    root: Path, path: str, real: dict[str, str], max_file_bytes: int, python_sources: bool
) -> str:
    """The reason to skip a wanted file; empty if it should be read."""
    location = root / path
    if _printable(path) != path:
        return "file name is not UTF-8"
    try:
        if reason := _link_reason(root, path, real):
            return reason
        status = location.stat()
        if not stat.S_ISREG(status.st_mode):
            return "not a regular file"
        if path.endswith((".py", ".pyi")) and not python_sources:
            return "Python file"
        if not status.st_size:
            return "empty file"
        if status.st_size > max_file_bytes:
            return "larger than the limit"
        return _content_reason(location)
    except FileNotFoundError:
        return "not in the clone"
    except OSError:
        return "cannot be read"


def _link_reason(root: Path, path: str, real: dict[str, str]) -> str:
    """Why the target of `path` is not used; empty if it is inside the source.

    `real` caches the resolved path of each folder.
    """
    location = root / path
    parent = str(location.parent)
    try:
        if parent not in real:
            real[parent] = os.path.realpath(parent, strict=True)
        target = Path(real[parent], location.name)
        if target.is_symlink():
            target = Path(os.path.realpath(target, strict=True))
        inside = target.relative_to(root)
    except ValueError:
        return "symbolic link out of the source"
    except OSError:
        if location.is_symlink():
            return "broken symbolic link"
        raise
    return "symbolic link out of the source" if ".git" in inside.parts else ""


def _content_reason(location: Path) -> str:
    with location.open("rb") as file:
        start = file.read(_LFS_MOST_BYTES + 1)
    is_pointer = start.startswith(_LFS_POINTER) and len(start) <= _LFS_MOST_BYTES
    return "content is in Git LFS" if is_pointer else ""


def _printable(path: str) -> str:
    return os.fsencode(path).decode("utf-8", errors="replace")
