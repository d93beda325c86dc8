"""Encodings and line ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import UnreadableFileError
from assistant.loaders import load
from assistant.loaders.reading import decode
from tests.loaders.files import loaded, source_file

CHINESE = "# 部署\n\n这是一个中文的说明，我们在这里说明怎样训练和部署模型。\n"
TRADITIONAL = "# 部署\n\n這是一個中文的說明，我們在這裡說明怎樣訓練和部署模型。\n"
ENGLISH = "# Use\n\nStart the server on port 80 and wait.\n"
RUSSIAN = "Это русский текст о том, как запускать модель на своём компьютере и что она умеет.\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "utf-8"),
        (CHINESE, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (CHINESE, "utf-16-le"),
        (CHINESE, "utf-16-be"),
        (CHINESE, "utf-32"),
        (CHINESE, "gbk"),
        (CHINESE + "𠀀㐀\n", "gb18030"),
        (TRADITIONAL, "big5"),
        (ENGLISH, "ascii"),
        (ENGLISH, "utf-16-le"),
        (ENGLISH, "utf-16-be"),
        ("Café à la crème, déjà vu\n", "latin-1"),
        ("naïve\n", "cp1252"),
        (RUSSIAN, "cp1251"),
    ],
)
def test_text_in_any_encoding(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_utf8_that_is_cut_off_or_damaged_is_still_utf8() -> None:
    content = CHINESE.encode() * 3
    assert decode(content[:-2]) is not None
    text = decode(content[:40] + b"\xff" + content[40:])
    assert text is not None
    assert text.count("中文的说明") >= 2


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\x7fELF\2\1\1\0" + bytes(200),
        b"text with a NUL \0 in it",
        bytes(range(1, 256)) * 20,
        b"\x01\x02\x03\x04\x05\x06\x07\x08" * 10,
    ],
)
def test_bytes_that_are_no_text(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        loaded(tmp_path, "image.md", content)
    assert raised.value.reason == "binary"


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\xff\xfe\n\0"])
def test_files_without_content(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        loaded(tmp_path, "page.md", content)
    assert raised.value.reason == "empty"


def test_a_file_that_went_away(tmp_path: Path) -> None:
    file = source_file(tmp_path, "page.md", "words")
    file.location.unlink()
    with pytest.raises(UnreadableFileError) as raised:
        load(file)
    assert raised.value.reason == "not readable"


def test_all_line_ends_count_as_one(tmp_path: Path) -> None:
    document = loaded(tmp_path, "page.md", b"# A\r\n\r\none\rtwo\n\nthree\r\r\nfour")
    assert document.text == "# A\n\none\ntwo\n\nthree\n\nfour"
    assert [b.start_line for b in document.blocks] == [1, 3, 6, 8]


def test_other_separators_end_no_line(tmp_path: Path) -> None:
    document = loaded(tmp_path, "page.md", "a\x0bb\x0cc\x1cd\u2028e\x85f\n\n# Title\n")
    assert [(b.kind, b.start_line) for b in document.blocks] == [("prose", 1), ("heading", 3)]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(content: bytes) -> None:
    text = decode(content)
    assert text is None or ("\r" not in text and "\0" not in text)
