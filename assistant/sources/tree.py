"""The paths that a commit holds, as git tells and takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from assistant.sources.git import run_git

_LIST_SECONDS = 120


def file_paths(folder: Path, commit: str, look: Callable[[], None] | None = None) -> list[str]:
    """Paths of the files and symbolic links of a commit, ordered as git orders them.

    Args:
        folder: A clone.
        commit: Is in it.
        look: As in `run_git`.

    Raises:
        GitCommandError: The clone is damaged.
    """
    output = run_git(
        ["ls-tree", "-r", "-z", "--full-tree", commit],
        folder=folder,
        timeout_seconds=_LIST_SECONDS,
        look=look,
    )
    entries = (record.partition(b"\t") for record in output.split(b"\0") if record)
    return [
        path.decode("utf-8", "surrogateescape")
        for described, _, path in entries
        if not described.startswith(b"16")  # a submodule
    ]


def sparse_patterns(paths: Iterable[str]) -> bytes:
    """The content of git's sparse-checkout file that has these files written, and no others.

    Line breaks cannot stand in it, so that a wildcard stands for them.
    """
    escaped = (re.sub(r"[\\*?\[ ]", lambda match: "\\" + match[0], path) for path in paths)
    patterns = "".join("/" + re.sub(r"[\n\r]", "?", path) + "\n" for path in escaped)
    return (patterns or "/.nothing\n").encode("utf-8", "surrogateescape")
