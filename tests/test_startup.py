"""What is found before anything heavy is loaded."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

from assistant.errors import IndexNotFoundError, ServerError, SettingsError, SourcesFileError
from assistant.startup import check_settings, tell_index
from tests.scripts.commands import build_sample, settings_in
from tests.ui.conftest import free_port


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("startup")
    build_sample(folder)
    return folder


def test_good_settings_are_passed_in_silence(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check_settings(settings_in(folder, port=free_port(), chroma_url="https://chroma.example/x"))
    assert caplog.records == []


def test_a_port_in_use_and_a_host_of_another_machine(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port} of 127.0.0.1"):
            check_settings(settings_in(folder, port=port))
    for host in ("192.0.2.1", "no such host", "x" * 70 + ".example"):
        with pytest.raises(ServerError, match=host):
            check_settings(settings_in(folder, host=host, port=free_port()))


@pytest.mark.parametrize("below", ["", "deeper"])
@pytest.mark.parametrize("name", ["db_folder", "models_folder", "repositories_folder"])
def test_a_folder_that_is_a_file(folder: Path, tmp_path: Path, name: str, below: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    settings = settings_in(folder, port=free_port(), **{name: tmp_path / "file" / below})
    with pytest.raises(SettingsError, match=f"ASSISTANT_{name.upper()} is .* is a file"):
        check_settings(settings)


@pytest.mark.parametrize("url", ["chroma:8000", "ftp://x", "http://", "http://x:port", "http://[x"])
def test_an_address_of_chroma_that_is_none(folder: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="ASSISTANT_CHROMA_URL"):
        check_settings(settings_in(folder, port=free_port(), chroma_url=url))


def test_a_sources_file_that_is_broken(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text("[[source]]\nname = 1\n", encoding="utf-8")
    with pytest.raises(SourcesFileError, match="line 2"):
        check_settings(settings_in(folder, port=free_port(), sources_file=file))


def test_a_sources_file_that_is_missing(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = settings_in(folder, port=free_port(), sources_file=tmp_path / "sources.toml")
    check_settings(missing)
    assert [str(missing.sources_file) in record.message for record in caplog.records] == [True]
    with pytest.raises(SourcesFileError, match="cannot be read"):
        check_settings(missing.model_copy(update={"db_folder": tmp_path / "db"}))


def test_the_index_is_told_in_one_line(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "assistant")
    tell_index(folder / "db")
    (line,) = (record.message for record in caplog.records)
    assert str(folder / "db") in line
    assert "sources: 3 (lagent, lmdeploy, xtuner)" in line
    with pytest.raises(IndexNotFoundError, match=r"build_index\.py"):
        tell_index(tmp_path / "db")
