"""Adds missing sources to the index in another process, while this one answers questions.

Another process releases its memory when it ends, and can run at a lower priority.
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
_NICENESS = 15  # Linux gives processes at 0 about 28 times as much time (1024 to 36)


@contextmanager
def missing_sources_added(
    settings: Settings, embedder: Callable[[], Embedder], *, command: Sequence[str] = _COMMAND
) -> Iterator[None]:
    """Build missing sources in the background during the block, if the settings ask for it.

    The block starts as soon as an index with at least one source can be searched, or once the
    build has failed; the build then logs the reason, and opening the index raises the matching
    error. The build is stopped at the end of the block; the next one resumes from there.

    Args:
        settings: Whether to build, and what.
        embedder: Returns the embedder; called only if the settings ask for a build.
        command: The build command.
    """
    if not (settings.build_missing_index or settings.space_id):
        yield
        return
    loaded = embedder()
    if not sources_lacking(settings, loaded):
        yield
        return
    where = ["--sources", str(settings.sources_file), "--db", str(settings.db_folder)]
    process = subprocess.Popen([*command, "--growing", *where], env=environment_with_package())
    try:
        _let_others_go_first(process.pid)  # before its threads start
        while not sources_had(settings, loaded) and process.poll() is None:
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _let_others_go_first(pid: int) -> None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(_NICENESS, process.nice()))
