"""An index that grows in another process while something answers from it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from assistant.application import Application
from assistant.index import Manifest, current_version, open_version
from assistant.indexing.background import missing_sources_added
from assistant.indexing.growing import sources_lacking
from assistant.settings import Settings
from tests.indexing.growing_sources import settings_of_five_sources
from tests.scripts.commands import minilm_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of_five_sources(tmp_path)


def lacking(settings: Settings) -> list[str]:
    return sources_lacking(settings, Application(settings).embedder)


def manifest(settings: Settings) -> Manifest:
    version = current_version(settings.db_folder)
    assert version is not None
    return Manifest.read(version)


def test_the_block_begins_with_the_first_source_and_the_rest_follows(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_EMBEDDER", str(minilm_folder()))
    monkeypatch.setenv("ASSISTANT_REPOSITORIES_FOLDER", str(settings.repositories_folder))
    with missing_sources_added(settings, lambda: Application(settings).embedder):
        opened = open_version(settings.db_folder, Application(settings).embedder)
        assert "lagent" in opened.manifest.sources
        opened.close()
        until = time.monotonic() + 60
        while lacking(settings) != ["gone"] and time.monotonic() < until:
            time.sleep(0.1)
    assert manifest(settings).searchable == ["lagent", "lmdeploy", "more", "xtuner"]


def test_the_build_ends_with_the_block(settings: Settings, tmp_path: Path) -> None:
    first = settings.model_copy(update={"db_folder": tmp_path / "first"})
    Application(first).build()
    script = tmp_path / "build_index.py"
    script.write_text(
        "import shutil, sys, time\n"
        "db = sys.argv[sys.argv.index('--db') + 1]\n"
        f"shutil.copytree({str(first.db_folder)!r}, db)\n"
        "time.sleep(600)\n"
    )
    before = set(psutil.Process().children())
    command = [sys.executable, str(script)]
    with missing_sources_added(settings, lambda: Application(settings).embedder, command=command):
        (started,) = set(psutil.Process().children()) - before
        if sys.platform != "win32":
            assert started.nice() > os.nice(0)
    assert not started.is_running()


@pytest.mark.parametrize(("old", "new"), [('"embedder": "', '"embedder": "other '), ("{", "[")])
def test_an_index_that_cannot_be_searched_is_made_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    Application(settings).build()
    version = current_version(settings.db_folder)
    assert version is not None
    file = version / "manifest.json"
    file.write_text(file.read_text().replace(old, new))
    assert len(lacking(settings)) == 5
    monkeypatch.setenv("ASSISTANT_EMBEDDER", str(minilm_folder()))
    monkeypatch.setenv("ASSISTANT_REPOSITORIES_FOLDER", str(settings.repositories_folder))
    with missing_sources_added(settings, lambda: Application(settings).embedder):
        open_version(settings.db_folder, Application(settings).embedder).close()


def test_a_failed_build_leaves_the_error_to_the_block(settings: Settings, tmp_path: Path) -> None:
    script = tmp_path / "build_index.py"
    script.write_text("raise SystemExit(1)\n")
    command = [sys.executable, str(script)]
    with missing_sources_added(settings, lambda: Application(settings).embedder, command=command):
        assert current_version(settings.db_folder) is None


@pytest.mark.parametrize("built", [True, False])
def test_nothing_is_started_where_nothing_lacks_or_it_is_not_wanted(
    settings: Settings, tmp_path: Path, built: bool
) -> None:
    if built:
        text = settings.sources_file.read_text().replace("/nowhere", "/lmdeploy")
        settings.sources_file.write_text(text)
        Application(settings).build()
    else:
        settings = settings.model_copy(update={"build_missing_index": False})
    script, started = tmp_path / "build_index.py", tmp_path / "started"
    script.write_text(f"open({str(started)!r}, 'w')\n")
    before = psutil.Process().children()
    command = [sys.executable, str(script)]
    with missing_sources_added(settings, lambda: Application(settings).embedder, command=command):
        assert psutil.Process().children() == before
    assert not started.exists()
