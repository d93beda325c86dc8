"""Publishes the progress of a running build to programs that answer questions meanwhile.

A build that takes more than a second maintains a small file in the index folder. The file
names the process, since a killed build leaves it behind.
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
_CLOCK_SECONDS = 2  # start times are relative to the boot time, which shifts with clock changes


@dataclass(frozen=True, slots=True)
class BuildState:
    """The progress of a build.

    Attributes:
        source: The source being added; empty if all are being updated.
        step: Number of this source, from 1.
        steps: Number of sources to add.
        share: Share of new chunks that have been embedded, from 0 to 1.
        seconds_left: Estimated time to the end of the step; None if unknown.
    """

    source: str = ""
    step: int = 1
    steps: int = 1
    share: float = 0.0
    seconds_left: float | None = None


class BuildStateFile:
    """A `Progress` that publishes a build's state for `running_build`.

    Args:
        db_folder: Folder of the index being built.
        progress: Receives the same reports.
        clock: Returns monotonic seconds.
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
        """Start a step; later reports belong to it.

        Args:
            source: The source being added.
            step: Number of the step, from 1.
            steps: Number of steps.
        """
        self._step = BuildState(source, step, steps)
        self._written, self._stage = 0.0, ""

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, *, at: str = ""
    ) -> None:
        """Record a report and pass it on."""
        self._progress(stage, done, total, unit, at=at)
        now = self._clock()
        if stage != self._stage:
            self._stage, self._began = stage, now
        if now - self._written >= _EVERY_SECONDS:
            self._written = now
            share = done / total if stage == "embed" and total else 0.0
            self._write(share, now - self._began)

    def close(self) -> None:
        """Remove the file at the end of the build, unless it is another build's."""
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
    """State of the build that is writing an index; None if none runs or it has only just begun."""
    try:
        content: dict[str, Any] = json.loads((db_folder / _FILE).read_text("utf-8"))
        number, created = content["process"]
        process = psutil.Process(number)
        another = abs(process.create_time() - created) > _CLOCK_SECONDS
        if another or process.status() == psutil.STATUS_ZOMBIE:  # killed but not reaped
            return None
        return BuildState(*content["state"])
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
