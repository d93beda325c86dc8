"""The texts of documents, kept with the version that chunks them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from assistant.errors import IndexCorruptError
from assistant.index import current_version
from assistant.index.chunk_file import read_chunks
from assistant.index.document_texts import DocumentTextsWriter, packed, text_of
from tests.sample_index import PAGES, build_pages


def version_in(folder: Path) -> Path:
    version = current_version(folder / "db")
    assert version is not None
    return version


def assert_texts_of(version: Path, pages: dict[str, str]) -> None:
    assert {address: text_of(version, address) for address in pages} == pages
    with sqlite3.connect(version / "documents.sqlite") as database:
        assert database.execute("SELECT count(*) FROM documents").fetchone() == (len(pages),)
    for chunk in read_chunks(version):
        lines = pages[chunk.address].split("\n")[chunk.start_line - 1 : chunk.end_line]
        assert chunk.text in "\n".join(lines)


def test_texts_follow_the_documents_through_updates(tmp_path: Path) -> None:
    pages = dict(PAGES)
    build_pages(tmp_path, pages)
    assert_texts_of(version_in(tmp_path), pages)
    pages["lagent/README.md"] = "# Lagent\n\nAnother text.\n"
    pages["lagent/new.md"] = "# New\n\nA page.\n"
    (tmp_path / "pages" / "xtuner" / "README.md").unlink()
    del pages["xtuner/README.md"]
    build_pages(tmp_path, pages)  # into a copy of the version before
    assert_texts_of(version_in(tmp_path), pages)
    assert text_of(version_in(tmp_path), "xtuner/README.md") is None
    for address in list(pages)[:6]:
        pages[address] += "\nOne more line.\n"
    build_pages(tmp_path, pages)  # more is fresh than the same: written without a copy
    assert_texts_of(version_in(tmp_path), pages)


def test_a_document_without_text_any_more_goes(tmp_path: Path) -> None:
    build_pages(tmp_path)
    build_pages(tmp_path, {**PAGES, "xtuner/README.md": "![](a.png)\n"})
    assert text_of(version_in(tmp_path), "xtuner/README.md") is None


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 5000])
def test_damaged_texts_are_refused_and_stop_the_next_build_with_the_command(
    tmp_path: Path, content: bytes | None
) -> None:
    build_pages(tmp_path)
    file = version_in(tmp_path) / "documents.sqlite"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(IndexCorruptError, match="--rebuild"):
        text_of(version_in(tmp_path), "lagent/README.md")
    assert file.exists() == (content is not None)  # nothing is made by asking
    version = version_in(tmp_path)
    with pytest.raises(IndexCorruptError, match="--rebuild"):
        build_pages(tmp_path, {**PAGES, "lagent/new.md": "# New\n\nA page.\n"})
    assert version_in(tmp_path) == version


@pytest.mark.parametrize("text", [b"no zlib", "text", packed("cut off")[:-5]])
def test_a_damaged_text_is_refused(tmp_path: Path, text: bytes | str) -> None:
    writer = DocumentTextsWriter(tmp_path)
    writer.write([("docs/a.md", text)])  # type: ignore[list-item]
    assert writer.finish([]) == 1
    with pytest.raises(IndexCorruptError, match=r"docs/a\.md"):
        text_of(tmp_path, "docs/a.md")


def test_any_text_comes_back(tmp_path: Path) -> None:
    texts = {"a": "", "b": "\u4e2d\n\n", "c": "half a pair: \ud83d", "d": "x" * 1_000_000}
    writer = DocumentTextsWriter(tmp_path)
    writer.write([(address, packed(text)) for address, text in texts.items()])
    assert writer.finish(["a"]) == 3
    assert {address: text_of(tmp_path, address) for address in texts} == {**texts, "a": None}
    assert [file.name for file in tmp_path.iterdir()] == ["documents.sqlite"]
