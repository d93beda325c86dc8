"""The child's progress is read from a folder in which the child makes and removes files."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.errors import HubError
from assistant.model_hub.hub_protocol import Watch
from assistant.model_hub.watched_process import folder_bytes, run_child
from assistant.progress import silent
from tests.fakes import Reports


def test_what_vanishes_while_it_is_counted_counts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").write_bytes(b"12345")
    for name in ("pip-unpack-a", "pip-unpack-b"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file").write_bytes(b"123")
    scan, elsewhere = os.scandir, tmp_path.with_name("elsewhere")
    vanishing = tmp_path / "pip-unpack-a"

    def removed_before(folder: Any) -> Any:
        if Path(folder) == vanishing:
            vanishing.rename(elsewhere)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", removed_before)
    assert folder_bytes(tmp_path) == 5 + 3
    assert not vanishing.exists()
    assert folder_bytes(tmp_path / "nowhere") == 0


def test_a_child_that_makes_and_removes_folders_all_the_time(tmp_path: Path) -> None:
    busy = (
        "import pathlib, shutil, sys, time\n"
        "end = time.monotonic() + 2\n"
        "while time.monotonic() < end:\n"
        "    for number in range(50):\n"
        "        folder = pathlib.Path(sys.argv[1], f'{number}', 'deep')\n"
        "        folder.mkdir(parents=True)\n"
        "        (folder / 'file').write_bytes(b'123')\n"
        "    for number in range(50):\n"
        "        shutil.rmtree(pathlib.Path(sys.argv[1], f'{number}'))\n"
        "pathlib.Path(sys.argv[1], 'whole').write_bytes(b'12345')\n"
    )
    told = Reports()
    watch = Watch("tiny", 60, told)
    run_child([sys.executable, "-c", busy, tmp_path], environment={}, folder=tmp_path, watch=watch)
    assert told
    assert folder_bytes(tmp_path) == 5


def run(program: str, folder: Path, timeout_seconds: float = 60) -> None:
    run_child(
        [sys.executable, "-c", program],
        environment={},
        folder=folder,
        watch=Watch("tiny", timeout_seconds, silent),
    )


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise SystemExit('no such index')", "no such index"),
        ("raise SystemExit(3)", "the client ended with 3"),
        ("raise ValueError('refused')", "ValueError: refused"),
        (
            "raise ValueError('refused\\n  Request ID: 7\\n  Hint: sign in')",
            "refused Request ID: 7 H",
        ),
        (
            "try: {}['a']\nexcept KeyError as e: raise ValueError('refused\\nby the hub') from e",
            "ValueError: refused by the hub",
        ),
    ],
)
def test_the_reason_is_the_message_without_the_stack(
    tmp_path: Path, program: str, reason: str
) -> None:
    with pytest.raises(HubError) as raised:
        run(program, tmp_path)
    assert reason in raised.value.got
    assert "File" not in raised.value.got


def test_a_full_disk_is_no_fault_of_the_hub_unless_it_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = "import errno, os; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))"
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    with pytest.raises(OSError, match="No space left"):
        run(fails, tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**12))
    with pytest.raises(HubError, match="No space left"):
        run(fails, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups")
def test_what_a_dead_child_has_started_does_not_hold_up_the_download(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])\n"
        "raise SystemExit('killed')\n"
    )
    started = time.monotonic()
    with pytest.raises(HubError, match="killed"):
        run(program, tmp_path, timeout_seconds=3)
    assert time.monotonic() - started < 10
