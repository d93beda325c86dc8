"""Processors that containers leave, and children that end with all that they started."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import assistant
from assistant.indexing.parsing import default_workers
from assistant.processes import child_process, core_count, end_process_tree, run_watched

PACKAGE = Path(assistant.__file__).parent
PROJECT = PACKAGE.parent
SECONDS = 10.0


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> int:
    """As on a large host."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    return 64


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")
    return folder


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("200000 100000", 2),
        ("max 100000", 64),
        ("50000 100000", 1),
        ("170000 100000", 2),
        ("100000000 100000", 64),
        ("", 64),
    ],
)
def test_the_quota_of_a_container(tmp_path: Path, many_cores: int, quota: str, cores: int) -> None:
    assert core_count(group(tmp_path, cpu__max=quota), tmp_path / "none") == cores


def test_two_processors_of_a_large_host_parse_beside_the_encoder(
    tmp_path: Path, many_cores: int
) -> None:
    assert default_workers(core_count(group(tmp_path, cpu__max="200000 100000"))) == 0
    assert default_workers(many_cores) == 8


@pytest.mark.parametrize(
    ("own", "quota"),
    [
        (b"0::/\n", b"100000 0"),
        (b"0::/\n", b"100000 often"),
        (b"0::/\n", "²00000 100000".encode()),
        (b"0::/\n", b"\xff\xfe"),
        (b"\xff\n\nno group\n0::/box\xff\n", b"max 100000"),
    ],
)
def test_control_groups_that_cannot_be_read_limit_nothing(
    tmp_path: Path, many_cores: int, own: bytes, quota: bytes
) -> None:
    (tmp_path / "own").write_bytes(own)
    (tmp_path / "cpu.max").write_bytes(quota)
    assert core_count(tmp_path, tmp_path / "own") == many_cores


def test_no_control_groups(tmp_path: Path, many_cores: int) -> None:
    assert core_count(tmp_path / "nowhere", tmp_path / "none") == many_cores


def test_affinity_is_less_than_the_machine(tmp_path: Path) -> None:
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert core_count(tmp_path) == own


@pytest.mark.parametrize(
    ("outer", "inner", "cores"),
    [
        ("400000 100000", "max 100000", 4),
        ("max 100000", "300000 100000", 3),
        ("400000 100000", "300000 100000", 3),
        ("200000 100000", "300000 100000", 2),
    ],
)
def test_the_smallest_quota_of_nested_groups(
    tmp_path: Path, many_cores: int, outer: str, inner: str, cores: int
) -> None:
    root = tmp_path / "root"
    group(root / "outer", cpu__max=outer)
    group(root / "outer" / "inner", cpu__max=inner)
    group(root / "other", cpu__max="100000 100000")
    own = tmp_path / "own"
    own.write_text("0::/outer/inner\n")
    assert core_count(root, own) == cores


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
def test_version_1(tmp_path: Path, many_cores: int, folder: str) -> None:
    root, own = tmp_path / "root", tmp_path / "own"
    own.write_text(f"5:memory:/box\n4:{folder}:/box\n1:name=systemd:/\n0::/\n")
    files = {"cpu__cfs_quota_us": "200000", "cpu__cfs_period_us": "100000"}
    group(root / folder / "box", **files)
    assert core_count(root, own) == 2
    group(root / folder / "box", cpu__cfs_quota_us="-1")
    assert core_count(root, own) == many_cores
    group(root / folder, **files)  # a container sees its own group as the root
    assert core_count(root, own) == 2


@pytest.fixture
def real_group() -> Iterator[Path]:
    """A control group of this machine that one processor is given to."""
    name = f"assistant-test-{os.getpid()}"
    root = Path("/sys/fs/cgroup")
    version_2 = (root / "cgroup.controllers").exists()
    folder = root / name if version_2 else root / "cpu" / name
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        if version_2:
            (folder / "cpu.max").write_text("100000 100000")
        else:
            (folder / "cpu.cfs_quota_us").write_text("100000")
        yield folder
    except OSError as error:
        pytest.skip(f"no quota can be set here: {error}")
    finally:
        ends = time.monotonic() + SECONDS
        while folder.exists() and time.monotonic() < ends:
            with suppress(OSError):  # a process that ended is still in it
                folder.rmdir()


COUNTS = """
import os, pathlib, sys
pathlib.Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
import torch
from assistant.chat_models import transformers
from assistant.chat_models.hardware import hardware
from assistant.errors import ChatModelError
from assistant.processes import core_count
from assistant.settings import Settings
torch.set_num_threads(4)
try:
    transformers.load(pathlib.Path(sys.argv[2]), Settings())
except ChatModelError:  # there is no model in the folder
    print(core_count(), hardware().cores, torch.get_num_threads())
"""


def test_a_real_control_group(real_group: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    command = [sys.executable, "-c", COUNTS, str(real_group), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=PROJECT, check=True)
    assert done.stdout.split() == ["1", "1", "1"]


COUNTING = {"cpu_count", "process_cpu_count", "sched_getaffinity", "sched_setaffinity"}


def names_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
    return names


def test_processors_are_counted_at_one_place() -> None:
    files = [*PACKAGE.rglob("*.py"), *(PROJECT / "scripts").rglob("*.py"), PROJECT / "app.py"]
    counting = {file.relative_to(PROJECT) for file in files if names_in(file) & COUNTING}
    assert counting == {Path("assistant/processes.py")}


# Starts a child that survives its parent's end and ignores polite requests, and tells its number.
PARENT = """
import signal, subprocess, sys, time
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
process = subprocess.Popen([sys.executable, "-c", child + "; time.sleep(60)"], stdout=-1)
process.stdout.readline()
print(process.pid, flush=True)
"""
WAITS = "time.sleep(60)"
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups")


def gone(pid: int) -> bool:
    """Whether a process has ended, or does within a few seconds."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@posix
@pytest.mark.parametrize("grace_seconds", [0.0, 0.2])
@pytest.mark.parametrize("then", [WAITS, ""])
def test_grandchildren_end_even_after_their_parent(then: str, grace_seconds: float) -> None:
    command = [sys.executable, "-c", PARENT + then]
    with child_process(
        command, grace_seconds=grace_seconds, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        grandchild = int(process.stdout.readline())
        if not then:
            process.wait(SECONDS)
        assert psutil.pid_exists(grandchild)
    assert process.returncode is not None
    assert gone(grandchild)


CLEANS_UP = """
import pathlib, signal, sys, time
def clean(*_):
    pathlib.Path(sys.argv[1]).touch()
    sys.exit(3)
signal.signal(signal.SIGTERM, clean)
print(1, flush=True)
time.sleep(60)
"""


@posix
@pytest.mark.parametrize(("grace_seconds", "cleaned"), [(SECONDS, True), (0.0, False)])
def test_a_process_is_given_time_to_clean_up(
    tmp_path: Path, grace_seconds: float, cleaned: bool
) -> None:
    command = [sys.executable, "-c", CLEANS_UP, str(tmp_path / "cleaned")]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    with process:
        process.stdout.readline()  # type: ignore[union-attr]
        end_process_tree(process, grace_seconds)
        end_process_tree(process, grace_seconds)  # which has nothing left to end
    assert (process.returncode == 3) is cleaned
    assert (tmp_path / "cleaned").exists() is cleaned


@posix
def test_a_stranger_with_the_number_of_a_process_that_ended_is_left_alone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    ended.wait(SECONDS)
    with child_process([sys.executable, "-c", f"import time; {WAITS}"]) as stranger:
        ended.pid = stranger.pid
        end_process_tree(ended)
        with pytest.raises(subprocess.TimeoutExpired):
            stranger.wait(0.3)


def test_what_a_watched_process_reads_and_prints() -> None:
    echo = "import sys; d = sys.stdin.buffer.read(); sys.stdout.buffer.write(d); sys.exit(7)"
    content = bytes(range(256)) * 5000
    done = run_watched([sys.executable, "-c", echo], timeout_seconds=SECONDS, send=content)
    assert (done.returncode, done.stdout, done.stderr) == (7, content, b"")


def test_a_watched_process_that_takes_too_long() -> None:
    started = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run_watched([sys.executable, "-c", "import time; time.sleep(60)"], timeout_seconds=0.2)
    assert time.monotonic() - started < SECONDS


def test_a_watched_process_that_is_not_wanted_any_more() -> None:
    def look() -> None:
        raise InterruptedError

    started = time.monotonic()
    with pytest.raises(InterruptedError):
        run_watched(
            [sys.executable, "-c", "import time; time.sleep(60)"], timeout_seconds=60, look=look
        )
    assert time.monotonic() - started < SECONDS
