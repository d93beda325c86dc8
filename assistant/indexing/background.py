"""Adds the sources that the index lacks in another process while this one answers.

Another process, because its memory goes back when it is done, and because the system can
let questions go first.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil

from assistant.embeddings import Embedder
from assistant.indexing.growing import sources_had, sources_lacking
from assistant.processes import environment_with_package
from assistant.settings import Settings

_COMMAND = (sys.executable, "-m", "assistant.commands.entry_point", "build-index")
_LOOK_SECONDS = 0.2
_END_SECONDS = 10
_NICENESS = 15  # Linux gives what has 0 some 28 times as much time (1024 to 36)


class BuildProcess:
    """A growing build in a process of its own, which lets others go first.

    Args:
        settings: Name sources file and index.
        command: Is started; builds an index.
    """

    def __init__(self, settings: Settings, command: Sequence[str] = _COMMAND) -> None:
        where = ["--sources", str(settings.sources_file), "--db", str(settings.db_folder)]
        self._process = subprocess.Popen(
            [*command, "--growing", *where], env=environment_with_package()
        )
        _let_others_go_first(self._process.pid)  # before it has threads, which inherit it

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it; the next build continues where it was."""
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()


@contextmanager
def missing_sources_added(
    settings: Settings, embedder: Callable[[], Embedder], *, command: Sequence[str] = _COMMAND
) -> Iterator[None]:
    """Where the settings want it, build in the background while the block runs.

    The block begins as soon as there is an index to search, with the first of the sources; or
    once the build has failed: the build says why, and opening the index raises the matching
    error. The build ends with the block; the next one continues from there.

    Args:
        settings: Whether to build, and what.
        embedder: Gives the embedder, which is needed only where something is to be built.
        command: Builds the index in another process.
    """
    if not (settings.build_missing_index or settings.space_id):
        yield
        return
    loaded = embedder()
    if not sources_lacking(settings, loaded):
        yield
        return
    process = BuildProcess(settings, command)
    try:
        while not sources_had(settings, loaded) and process.running:
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        process.stop()


def _let_others_go_first(pid: int) -> None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(_NICENESS, process.nice()))
