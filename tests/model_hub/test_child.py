"""The child's progress is read from a folder in which the child makes and removes files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from assistant.model_hub.child import folder_bytes, run_child
from assistant.model_hub.client import Watch


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
    told: list[int] = []
    watch = Watch("tiny", 60, lambda stage, done, total, unit: told.append(done))
    run_child([sys.executable, "-c", busy, tmp_path], environment={}, folder=tmp_path, watch=watch)
    assert told
    assert folder_bytes(tmp_path) == 5
