"""The paths that a commit holds, as git tells and takes them; knows nothing of globs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.sources.git import run_git

_LIST_SECONDS = 120


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A tracked path of a commit: git's mode and object, and the path with slashes."""

    mode: str
    object_id: str
    path: str

    @property
    def is_file(self) -> bool:
        """A file or a symbolic link, not a submodule."""
        return self.mode.startswith("1") and not self.mode.startswith("16")


def tree(folder: Path, commit: str, look: Callable[[], None] | None = None) -> list[TreeEntry]:
    """All tracked paths of a commit, ordered as git orders them; `look` is as in `run_git`."""
    output = run_git(
        ["ls-tree", "-r", "-z", "--full-tree", commit],
        folder=folder,
        timeout_seconds=_LIST_SECONDS,
        look=look,
    )
    return list(_entries(output))


def _entries(output: bytes) -> Iterator[TreeEntry]:
    for record in output.split(b"\0"):
        if record:
            described, _, path = record.partition(b"\t")
            mode, _, object_id = described.decode().split()
            yield TreeEntry(mode, object_id, path.decode("utf-8", "surrogateescape"))


def sparse_patterns(entries: Iterable[TreeEntry]) -> bytes:
    """The content of git's sparse-checkout file that has these entries written, and no others."""
    patterns = "".join(_sparse_pattern(entry.path) for entry in entries)
    return (patterns or "/.nothing\n").encode("utf-8", "surrogateescape")


def _sparse_pattern(path: str) -> str:
    """A line of that file that matches `path`.

    Line breaks cannot stand in it, so that a wildcard stands for them.
    """
    escaped = re.sub(r"[\\*?\[ ]", lambda match: "\\" + match[0], path)
    return "/" + re.sub(r"[\n\r]", "?", escaped) + "\n"
