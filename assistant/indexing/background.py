"""Adds what the index lacks in another process while this one answers; knows no page.

Another process, because its memory goes back when it is done, and because the system can
let questions go first.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil  # type: ignore[import-untyped]

from assistant.embeddings import Embedder
from assistant.indexing.building import sources_had, sources_lacking
from assistant.settings import PROJECT_FOLDER, Settings

_LOOK_SECONDS = 0.2
_END_SECONDS = 10
_NICENESS = 15  # Linux gives what has 0 some 28 times as much time (1024 to 36)


@contextmanager
def missing_sources_added(settings: Settings, embedder: Callable[[], Embedder]) -> Iterator[None]:
    """Where the settings want it, build in the background while the block runs.

    The block begins as soon as there is an index to search, with the first of the sources; or when
    the build has failed, which says itself why, so that opening the index raises what
    fits. The build ends with the block; the next one goes on from there.

    Args:
        settings: Whether to build, and what.
        embedder: Gives the embedder, which is needed only where something is to be built.
    """
    if not (settings.build_missing_index or settings.space_id):
        yield
        return
    used = embedder()
    if not sources_lacking(settings, used):
        yield
        return
    script = PROJECT_FOLDER / "scripts" / "build_index.py"
    where = ["--sources", str(settings.sources_file), "--db", str(settings.db_folder)]
    process = subprocess.Popen([sys.executable, str(script), "--growing", *where])
    try:
        _let_others_go_first(process.pid)  # before it has threads, which inherit it
        while not sources_had(settings, used) and process.poll() is None:
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
        if psutil.WINDOWS:
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(_NICENESS, process.nice()))
