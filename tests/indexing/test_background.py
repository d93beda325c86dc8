"""An index that grows source by source while something answers from it."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from assistant.application import Application
from assistant.errors import IndexBusyError, SourceError
from assistant.index import Manifest, current_version, open_version
from assistant.index.versions import build_lock
from assistant.indexing import BuildReport, background, building
from assistant.indexing.background import missing_sources_added
from assistant.settings import Settings
from tests.sample_index import PAGES, write_pages
from tests.scripts.commands import minilm_folder, settings_in
from tests.sources.repositories import make_repository


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two repositories, one that cannot be had, and two folders, in this order."""
    tables = []
    for name in ("lmdeploy", "xtuner"):
        pages = {a.partition("/")[2]: t for a, t in PAGES.items() if a.startswith(name)}
        tables.append((name, f'git = "{make_repository(tmp_path / name, pages).address}"'))
    tables.append(("gone", f'git = "file://{tmp_path}/nowhere"'))
    write_pages(tmp_path / "pages")
    tables.append(("lagent", 'folder = "pages/lagent"'))
    tables.append(("more", 'folder = "pages/xtuner"'))
    text = "\n".join(f'[[source]]\nname = "{name}"\n{place}' for name, place in tables)
    (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
    return settings_in(tmp_path, build_missing_index=True)


def lacking(settings: Settings) -> list[str]:
    return building.sources_lacking(settings, Application(settings).embedder)


def manifest(settings: Settings) -> Manifest:
    version = current_version(settings.db_folder)
    assert version is not None
    return Manifest.read(version)


def test_sources_come_one_by_one_and_folders_first(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lacking(settings) == ["lagent", "more", "lmdeploy", "xtuner", "gone"]
    seen: list[list[str]] = []
    real = building.build_index

    def noted(*arguments: object, **options: object) -> BuildReport:
        report: BuildReport = real(*arguments, **options)  # type: ignore[arg-type]
        seen.append(manifest(settings).searchable)
        return report

    monkeypatch.setattr(building, "build_index", noted)
    grown = Application(settings).build(growing=True)
    assert seen == [
        ["lagent"],
        ["lagent", "more"],
        ["lagent", "lmdeploy", "more"],
        ["lagent", "lmdeploy", "more", "xtuner"],
        ["lagent", "lmdeploy", "more", "xtuner"],
    ]
    assert [s.status for s in grown.sources] == ["ok", "ok", "failed", "ok", "ok"]
    assert grown.embedded + grown.reused == grown.chunks == manifest(settings).chunks
    assert grown.changed
    assert lacking(settings) == ["gone"]
    in_use = current_version(settings.db_folder)
    text = settings.sources_file.read_text()
    away = '\n[[source]]\nname = "away"\ngit = "file:///nowhere/else"\n'
    again = Application(settings).build(growing=True)
    assert not again.changed
    settings.sources_file.write_text(text + away)
    Application(settings).build(growing=True)
    assert current_version(settings.db_folder) != in_use  # it notes the one that is away
    in_use = current_version(settings.db_folder)
    assert not Application(settings).build(growing=True).changed
    assert current_version(settings.db_folder) == in_use
    settings.sources_file.write_text(text)
    Application(settings).build()
    at_once = settings.model_copy(update={"db_folder": settings.db_folder.with_name("other")})
    Application(at_once).build()
    assert manifest(at_once) == manifest(settings)


def test_a_source_that_cannot_be_had_is_asked_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = building.fetch
    monkeypatch.setattr(
        building, "fetch", lambda s, **options: (asked.append(s.name), real(s, **options))[1]
    )
    text = settings.sources_file.read_text()
    first, rest = text.split('[[source]]\nname = "gone"')
    gone, folders = rest.split("[[source]]", 1)
    settings.sources_file.write_text(
        f'[[source]]\nname = "gone"{gone}\n{first}\n[[source]]{folders}'
    )
    Application(settings).build(growing=True)
    assert sorted(asked) == ["gone", "lagent", "lmdeploy", "more", "xtuner"]


def test_nothing_that_can_be_had_is_an_error(settings: Settings, tmp_path: Path) -> None:
    settings.sources_file.write_text(
        f'[[source]]\nname = "a"\ngit = "file://{tmp_path}/a"\n'
        f'[[source]]\nname = "b"\ngit = "file://{tmp_path}/b"\n'
    )
    with pytest.raises(SourceError):
        Application(settings).build(growing=True)
    assert current_version(settings.db_folder) is None


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


def test_the_build_ends_with_the_block(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = settings.model_copy(update={"db_folder": tmp_path / "first"})
    Application(first).build()
    project = tmp_path / "project"
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / "build_index.py").write_text(
        "import shutil, sys, time\n"
        "db = sys.argv[sys.argv.index('--db') + 1]\n"
        f"shutil.copytree({str(first.db_folder)!r}, db)\n"
        "time.sleep(600)\n"
    )
    monkeypatch.setattr(background, "PROJECT_FOLDER", project)
    before = set(psutil.Process().children())
    with missing_sources_added(settings, lambda: Application(settings).embedder):
        (started,) = set(psutil.Process().children()) - before
        if sys.platform != "win32":
            assert started.nice() > os.nice(0)
    assert not started.is_running()


def test_an_index_at_another_place_lacks_everything(settings: Settings) -> None:
    Application(settings).build()
    assert lacking(settings) == ["gone"]
    assert len(lacking(settings.model_copy(update={"chroma_url": "http://127.0.0.1:9"}))) == 5


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


def test_another_build_is_waited_for_and_none_comes_between_steps(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = building.build_index
    refused: list[IndexBusyError] = []

    def build_lock_elsewhere() -> None:
        try:
            build_lock(settings.db_folder).release()
        except IndexBusyError as error:
            refused.append(error)

    def noted(*arguments: object, **options: object) -> BuildReport:
        assert free.is_set()
        report: BuildReport = real(*arguments, **options)  # type: ignore[arg-type]
        other = threading.Thread(target=build_lock_elsewhere)
        other.start()
        other.join()
        return report

    monkeypatch.setattr(building, "build_index", noted)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        lock = build_lock(settings.db_folder)
        held.set()
        time.sleep(1)
        free.set()
        lock.release()

    threading.Thread(target=hold).start()
    assert held.wait(10)
    Application(settings).build(growing=True)
    assert lacking(settings) == ["gone"]
    assert len(refused) == 5  # four sources, and the last build, which notes the fifth
    build_lock(settings.db_folder).release()


def test_a_folder_that_cannot_be_listed_does_not_end_the_growth(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def forbidding(place: str | Path) -> object:
        if str(place).endswith("pages/lagent"):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", forbidding)
    report = Application(settings).build(growing=True)
    assert lacking(settings) == ["lagent", "gone"]
    (lagent,) = (source for source in report.sources if source.name == "lagent")
    assert lagent.status == "failed"
    assert "Permission denied" in lagent.reason


def test_a_failed_build_leaves_the_error_to_the_block(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / "build_index.py").write_text("raise SystemExit(1)\n")
    monkeypatch.setattr(background, "PROJECT_FOLDER", project)
    with missing_sources_added(settings, lambda: Application(settings).embedder):
        assert current_version(settings.db_folder) is None


@pytest.mark.parametrize("built", [True, False])
def test_nothing_is_started_where_nothing_lacks_or_it_is_not_wanted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, built: bool
) -> None:
    if built:
        text = settings.sources_file.read_text().replace("/nowhere", "/lmdeploy")
        settings.sources_file.write_text(text)
        Application(settings).build()
    else:
        settings = settings.model_copy(update={"build_missing_index": False})
    monkeypatch.delattr(background.subprocess, "Popen")
    with missing_sources_added(settings, lambda: Application(settings).embedder):
        pass
