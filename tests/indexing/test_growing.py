"""An index that grows source by source."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from assistant.application import Application
from assistant.documents import Source
from assistant.errors import IndexBusyError, SourceError
from assistant.index import Manifest, current_version
from assistant.indexing import SourceFetcher
from assistant.indexing.growing import build_growing, sources_lacking
from assistant.indexing.job import plan_of
from assistant.indexing.lock import build_locked
from assistant.progress import Progress
from assistant.settings import Settings
from assistant.sources import Checkout, fetch
from tests.indexing.growing_sources import settings_of_five_sources


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of_five_sources(tmp_path)


def lacking(settings: Settings) -> list[str]:
    return sources_lacking(settings, Application(settings).embedder)


def manifest(settings: Settings) -> Manifest:
    version = current_version(settings.db_folder)
    assert version is not None
    return Manifest.read(version)


def test_sources_come_one_by_one_and_folders_first(settings: Settings) -> None:
    assert lacking(settings) == ["lagent", "more", "lmdeploy", "xtuner", "gone"]
    seen: list[list[str]] = []

    def progress(stage: str, done: int, total: int | None, unit: str, *, at: str = "") -> None:
        if current_version(settings.db_folder) is not None:
            names = list(manifest(settings).sources)
            if [names] != seen[-1:]:
                seen.append(names)

    grown = Application(settings, progress).build(growing=True)
    assert seen == [
        ["lagent"],
        ["lagent", "more"],
        ["lagent", "lmdeploy", "more"],
        ["lagent", "lmdeploy", "more", "xtuner"],
    ]
    assert list(manifest(settings).sources) == ["gone", "lagent", "lmdeploy", "more", "xtuner"]
    assert manifest(settings).searchable == ["lagent", "lmdeploy", "more", "xtuner"]
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


def test_a_source_that_cannot_be_fetched_is_asked_once(settings: Settings) -> None:
    asked: list[str] = []

    def noted(source: Source, progress: Progress) -> Checkout:
        asked.append(source.name)
        return fetch(source, folder=settings.repositories_folder, timeout_seconds=20)

    text = settings.sources_file.read_text()
    first, rest = text.split('[[source]]\nname = "gone"')
    gone, folders = rest.split("[[source]]", 1)
    settings.sources_file.write_text(
        f'[[source]]\nname = "gone"{gone}\n{first}\n[[source]]{folders}'
    )
    application = Application(settings)
    plan = plan_of(settings, application.embedder, None)
    build_growing(settings, application.embedder, plan, SourceFetcher(noted))
    assert sorted(asked) == ["gone", "lagent", "lmdeploy", "more", "xtuner"]


def test_nothing_that_can_be_fetched_is_an_error(settings: Settings, tmp_path: Path) -> None:
    settings.sources_file.write_text(
        f'[[source]]\nname = "a"\ngit = "file://{tmp_path}/a"\n'
        f'[[source]]\nname = "b"\ngit = "file://{tmp_path}/b"\n'
    )
    with pytest.raises(SourceError):
        Application(settings).build(growing=True)
    assert current_version(settings.db_folder) is None


def test_an_index_at_another_place_lacks_everything(settings: Settings) -> None:
    Application(settings).build()
    assert lacking(settings) == ["gone"]
    assert len(lacking(settings.model_copy(update={"chroma_url": "http://127.0.0.1:9"}))) == 5


def test_another_build_is_waited_for_and_none_comes_between_steps(settings: Settings) -> None:
    refused: list[IndexBusyError] = []

    def build_lock_elsewhere() -> None:
        try:
            with build_locked(settings.db_folder):
                pass
        except IndexBusyError as error:
            refused.append(error)

    def progress(stage: str, done: int, total: int | None, unit: str, *, at: str = "") -> None:
        if stage.startswith("look at"):  # in every step
            assert free.is_set()
            other = threading.Thread(target=build_lock_elsewhere)
            other.start()
            other.join()
            looked.append(stage)

    looked: list[str] = []
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with build_locked(settings.db_folder):
            held.set()
            time.sleep(1)
            free.set()

    threading.Thread(target=hold).start()
    assert held.wait(10)
    Application(settings, progress).build(growing=True)
    assert lacking(settings) == ["gone"]
    assert len(refused) == len(looked) >= 5  # four sources, and the last build notes the fifth
    with build_locked(settings.db_folder):
        pass


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
