"""Lists the paths of a commit, and writes paths as sparse-checkout patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from assistant.sources.git import run_git

_LIST_SECONDS = 120


def file_paths(folder: Path, commit: str, look: Callable[[], None] | None = None) -> list[str]:
    """Paths of the files and symbolic links in a commit, in git's order.

    Args:
        folder: A clone.
        commit: A commit in the clone.
        look: See `run_git`.

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
    """The content of a git sparse-checkout file that selects exactly these paths.

    Patterns cannot contain line breaks, so a wildcard replaces them.
    """
    escaped = (re.sub(r"[\\*?\[ ]", lambda match: "\\" + match[0], path) for path in paths)
    patterns = "".join("/" + re.sub(r"[\n\r]", "?", path) + "\n" for path in escaped)
    return (patterns or "/.nothing\n").encode("utf-8", "surrogateescape")
