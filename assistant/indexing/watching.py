"""Says when files in folders change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

from watchfiles import DefaultFilter
from watchfiles import watch as watch_files

_QUIET_MS = 1000  # a save is often several changes; wait until they are all made


def watch(folders: Sequence[Path], stop: Event | None = None) -> Iterator[set[str]]:
    """Yield the paths that changed together, until Ctrl-C (KeyboardInterrupt) or `stop`.

    The first set is empty: it says that from now on no change is missed. Editors'
    temporary files and `.git` do not count.
    """
    watching = False
    for changes in watch_files(
        *folders,
        watch_filter=DefaultFilter(),
        debounce=_QUIET_MS,
        step=200,
        stop_event=stop,
        raise_interrupt=True,
        rust_timeout=_QUIET_MS,
        yield_on_timeout=True,
    ):
        if not watching:
            watching = True
            yield set()
        if changes:
            yield {path for _, path in changes}
