"""A calibration is kept with the index it was made on."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import IndexBusyError, IndexNotFoundError
from assistant.index import Manifest
from assistant.index.versions import current_version
from assistant.indexing.calibrating import store_calibration
from assistant.indexing.lock import build_locked
from tests.sample_index import PAGES, build_pages, open_sample

CALIBRATION = {"threshold": 0.4, "data": "甲.jsonl"}


def test_it_is_read_back_and_all_else_stays(tmp_path: Path) -> None:
    build_pages(tmp_path)
    index = open_sample(tmp_path)
    with index.current() as opened:
        before, version = opened.manifest, opened.folder
    index.close()
    files = sorted(version.iterdir())
    stored = store_calibration(tmp_path / "db", CALIBRATION)
    assert current_version(tmp_path / "db") == version
    assert Manifest.read(version) == stored
    assert stored.calibration == CALIBRATION
    assert (stored.files, stored.chunks) == (before.files, before.chunks)
    assert sorted(version.iterdir()) == files


def test_a_later_build_keeps_it(tmp_path: Path) -> None:
    build_pages(tmp_path)
    store_calibration(tmp_path / "db", CALIBRATION)
    assert not build_pages(tmp_path).changed
    assert build_pages(tmp_path, {**PAGES, "lagent/new.md": "# New\n\nA page.\n"}).changed
    index = open_sample(tmp_path)
    with index.current() as opened:
        assert opened.manifest.calibration == CALIBRATION
    index.close()


def test_not_while_a_build_is_writing(tmp_path: Path) -> None:
    build_pages(tmp_path)
    with build_locked(tmp_path / "db"), pytest.raises(IndexBusyError):
        store_calibration(tmp_path / "db", CALIBRATION)
    assert store_calibration(tmp_path / "db", CALIBRATION).calibration == CALIBRATION


def test_without_an_index_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError):
        store_calibration(tmp_path / "db", CALIBRATION)
    assert not (tmp_path / "db").exists()
