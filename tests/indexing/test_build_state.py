"""How far a build is, as another program reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from assistant.indexing import BuildState, running_build
from assistant.indexing.build_state import BuildStateFile
from assistant.progress import Progress, silent


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


def state_in(folder: Path, clock: list[float], progress: Progress = silent) -> BuildStateFile:
    return BuildStateFile(folder, progress, clock=lambda: clock[0])


def test_share_and_time_left_of_a_step(tmp_path: Path, clock: list[float]) -> None:
    state = state_in(tmp_path, clock)
    state.begin("lmdeploy", 2, 7)
    state("look at lmdeploy", 1, 10, "files")
    assert running_build(tmp_path) == BuildState("lmdeploy", 2, 7, 0.0, None)
    clock[0] += 5
    state("embed", 0, 400, "chunks")
    clock[0] += 30
    state("embed", 100, 400, "chunks")
    assert running_build(tmp_path) == BuildState("lmdeploy", 2, 7, 0.25, 90.0)
    clock[0] += 30
    state("embed", 500, 500, "chunks")
    assert running_build(tmp_path) == BuildState("lmdeploy", 2, 7, 1.0, 0.0)
    state.begin("xtuner", 3, 7)
    state("look at xtuner", 1, 10, "files")
    assert running_build(tmp_path) == BuildState("xtuner", 3, 7, 0.0, None)
    state("embed", 0, 100, "chunks")
    clock[0] += 10
    state("embed", 50, 100, "chunks")
    assert running_build(tmp_path) == BuildState("xtuner", 3, 7, 0.5, 10.0)
    state.close()
    assert running_build(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_ends_within_a_second_writes_nothing(
    tmp_path: Path, clock: list[float]
) -> None:
    state = state_in(tmp_path, clock)
    state("embed", 0, 2, "chunks")
    clock[0] += 0.9
    state("embed", 2, 2, "chunks")
    assert list(tmp_path.iterdir()) == []


def test_another_progress_is_told_the_same_and_the_file_goes_with_the_block(
    tmp_path: Path, clock: list[float]
) -> None:
    told: list[object] = []

    def progress(stage: str, done: int, total: int | None, unit: str, *, at: str = "") -> None:
        told.append((stage, done, total, unit, at))

    with (
        pytest.raises(KeyboardInterrupt),
        closing(state_in(tmp_path, clock, progress)) as state,
    ):
        clock[0] += 2
        state("embed", 1, 2, "chunks", at="docs")
        assert running_build(tmp_path) is not None
        raise KeyboardInterrupt
    assert told == [("embed", 1, 2, "chunks", "docs")]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def running(tmp_path: Path, clock: list[float]) -> Path:
    """A folder in which this process builds, and where its state stands."""
    state = state_in(tmp_path, clock)
    clock[0] += 2
    state("embed", 1, 2, "chunks")
    assert running_build(tmp_path) is not None
    return tmp_path


def test_a_build_that_never_began_leaves_the_state_of_the_one_that_runs(
    running: Path,
) -> None:
    BuildStateFile(running).close()
    assert running_build(running) is not None


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="only POSIX keeps the dead in its list")
def test_a_killed_build_does_not_run(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from assistant.indexing.build_state import BuildStateFile;"
        "state = BuildStateFile(pathlib.Path(sys.argv[1])); state.begin('a', 1, 2);"
        "state('embed', 1, 2, 'chunks'); print('written', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert running_build(tmp_path) is not None
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the list
        assert running_build(tmp_path) is None
    assert running_build(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"process": [1, 2], "state": 3}', "\0"])
def test_a_damaged_file_is_no_build(tmp_path: Path, content: str) -> None:
    (tmp_path / "building.json").write_text(content)
    assert running_build(tmp_path) is None


def test_a_disk_that_refuses_does_not_end_the_build(tmp_path: Path, clock: list[float]) -> None:
    state = state_in(tmp_path / "nowhere", clock)
    clock[0] += 2
    state("embed", 1, 2, "chunks")
    state.close()
    assert running_build(tmp_path / "nowhere") is None


@pytest.mark.parametrize(("seconds", "runs"), [(1000, False), (1, True)])
def test_another_process_with_the_same_number_is_no_build_and_a_set_clock_does_no_harm(
    running: Path, seconds: float, runs: bool
) -> None:
    file = running / "building.json"
    content = json.loads(file.read_text())
    content["process"][1] -= seconds  # as one that began before
    file.write_text(json.dumps(content))
    assert (running_build(running) is not None) == runs
