"""Watches folders for changed files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from watchfiles import DefaultFilter
from watchfiles import watch as watch_files

_QUIET_MS = 1000  # a save is often several changes; wait for all of them


def watch(folders: Sequence[Path]) -> Iterator[set[str]]:
    """Yield sets of paths that changed together.

    The first set is empty and signals that no later change will be missed. Editors' temporary
    files and `.git` are ignored.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    watching = False
    for changes in watch_files(
        *folders,
        watch_filter=DefaultFilter(),
        debounce=_QUIET_MS,
        step=200,
        raise_interrupt=True,
        rust_timeout=_QUIET_MS,
        yield_on_timeout=True,
    ):
        if not watching:
            watching = True
            yield set()
        if changes:
            yield {path for _, path in changes}
