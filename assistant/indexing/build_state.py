"""How far a running build is, for programs that answer meanwhile.

A build that takes more than a second keeps a small file in the index folder. A build that
was killed leaves it, so that it names the process.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from assistant.index.atomic_files import replace_text
from assistant.progress import Progress, silent

_FILE = "building.json"
_EVERY_SECONDS = 1.0
_CLOCK_SECONDS = 2  # the system reckons from its start, which moves when its clock is set


@dataclass(frozen=True, slots=True)
class BuildState:
    """How far a build is.

    Attributes:
        source: The one that is being added; empty: all are brought up to date.
        step: Number of this source, from 1.
        steps: So many are added.
        share: Chunks that have got their vectors, of those that had none; 0 to 1.
        seconds_left: Until the end of the step; None while nobody knows.
    """

    source: str = ""
    step: int = 1
    steps: int = 1
    share: float = 0.0
    seconds_left: float | None = None


class BuildStateFile:
    """The `Progress` of a build that others can read with `running_build`.

    Args:
        db_folder: Of the index that is built.
        progress: Is told the same.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        db_folder: Path,
        progress: Progress = silent,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = db_folder / _FILE
        self._progress = progress
        self._clock = clock
        self._step = BuildState()
        self._written = self._began = clock()
        self._stage = ""
        self._is_there = False

    def begin(self, source: str, step: int, steps: int) -> None:
        """What is reported from now on belongs to this step."""
        self._step = BuildState(source, step, steps)
        self._written, self._stage = 0.0, ""

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, *, at: str = ""
    ) -> None:
        """Take note of the report, and pass it on."""
        self._progress(stage, done, total, unit, at=at)
        now = self._clock()
        if stage != self._stage:
            self._stage, self._began = stage, now
        if now - self._written >= _EVERY_SECONDS:
            self._written = now
            share = done / total if stage == "embed" and total else 0.0
            self._write(share, now - self._began)

    def close(self) -> None:
        """The build has ended: remove the file, if it is not another build's."""
        if not self._is_there:
            return
        with suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(self._file.read_text("utf-8"))
            if content["process"][0] == os.getpid():
                self._file.unlink()

    def _write(self, share: float, seconds: float) -> None:
        state = self._step
        left = seconds / share * (1 - share) if share else None
        process = psutil.Process()
        content = {
            "process": [process.pid, process.create_time()],
            "state": [state.source, state.step, state.steps, share, left],
        }
        with suppress(OSError):  # a full disk is for the build itself to report
            replace_text(self._file, json.dumps(content), sync=False)
            self._is_there = True


def running_build(db_folder: Path) -> BuildState | None:
    """How far the build is that writes this index; None: none runs, or it has just begun."""
    try:
        content: dict[str, Any] = json.loads((db_folder / _FILE).read_text("utf-8"))
        number, created = content["process"]
        process = psutil.Process(number)
        another = abs(process.create_time() - created) > _CLOCK_SECONDS
        if another or process.status() == psutil.STATUS_ZOMBIE:  # killed, and not waited for
            return None
        return BuildState(*content["state"])
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
