"""Files that are broken or mean harm: never a crash, never a hang, always a reason."""

from __future__ import annotations

import io
import json
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.documents import SourceFile
from assistant.errors import UnreadableFileError
from assistant.loaders import load
from assistant.splitter.splitting import split
from tests.loaders.documents import docx, epub, paragraph, pdf, pptx, zipped
from tests.loaders.files import source_file

_SIZE = 60_000  # characters of a file of one line; a line costs the parser about as much as ten
_SECONDS = 8  # on a busy machine; each takes well under one
_REASONS = {"binary", "empty", "no text", "vocabulary list", "damaged", "too slow"}


def quarters(texts: Sequence[str]) -> list[int]:
    return [(len(text) + 3) // 4 for text in texts]


def outcome(file: SourceFile, *, conversion_seconds: float = 30) -> str:
    """`ok` or the reason; whatever else happens fails the test."""
    try:
        document = load(file, conversion_seconds=conversion_seconds)
    except UnreadableFileError as error:
        assert file.path in str(error)
        return error.reason
    chunks = split(
        document, file, count_tokens=quarters, max_tokens=120, link=lambda _a, _b: "https://x.org"
    )
    lines = document.text.split("\n")
    for chunk in chunks:
        text = "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
        assert chunk.token_count <= 120
        assert chunk.text == text or (chunk.start_line == chunk.end_line and chunk.text in text)
    return "ok"


def repeated(unit: str) -> str:
    size = _SIZE // 5 if "\n" in unit or "\r" in unit else _SIZE
    return unit * (size // len(unit))


def indented(line: str, count: int, step: int = 2) -> str:
    return "\n".join(" " * (step * n) + line for n in range(count))


# Each line is repeated until the file is large.
_UNITS = [
    *(
        "> ",
        ">",
        "- ",
        "* - ",
        "1. ",
        "[",
        "![",
        "](",
        "[a](",
        "![a](b",
        "[[a](b)",
        "<",
        "<div ",
        "&",
    ),
    *(
        "<!--",
        "<h1>",
        "<h1>a</h1>",
        "</h1>",
        '<a x="',
        'a="b" ',
        '= "',
        "<http://a ",
        "`",
        "``` ",
        "~",
    ),
    *(
        "|",
        "|a",
        "a|b",
        "\\",
        "*a",
        "**",
        "_a_",
        "$$",
        "{#",
        "{",
        "#",
        "# ",
        "=",
        "-",
        "---",
        "\t",
        " ",
    ),
    *(
        "a",
        "word ",
        "汉",
        "。",
        "é",
        "👨‍👩‍👧",
        "\u200b",
        "\u202e",
        "\ufeff",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
    ),
    *("\u2028", "QUJD/+", "\x1b[31m", "\ud7ff", "\U0010ffff", ":a:`", "::", ".. ", "`a <b", "a`_ "),
    *(
        "> a\n",
        ">> a\n",
        "- a\n",
        "- > a\n",
        "> - a\n",
        "1. a\n\n",
        "- a\n\n  b\n\n",
        "```\n",
        "~~~\n",
    ),
    *(
        "```a\nb\n```\n",
        "```{note}\n",
        ":::{tip}\n",
        "# a\n",
        "#\n",
        "###### a\n\nb\n\n",
        "a\n===\n",
    ),
    *("a\n---\n", "|a|b|\n|-|-|\n|1|2|\n\n", "|1|2|\n", "<div>\n", "<div\n", "<!-- a\n\n", "-->\n"),
    *(
        "<h1>a\n",
        "<script>\n",
        "<table>\n\n",
        "[a]: <b\n",
        "[a]: b\n",
        "    a\n",
        "\ta\n",
        "a: b\n",
    ),
    *(
        "a  \n",
        "\\\n",
        "***\n",
        "\r",
        "\n",
        "a\r",
        "a\r\n",
        "\n\r",
        "== ==\n",
        "+--+\n",
        "+--+\n| a|\n",
    ),
    *(
        "===\n",
        "a::\n\n  b\n\n",
        ".. note::\n",
        ".. note::\n   a\n\n",
        ".. [1] a\n",
        "def f(): pass\n",
    ),
    *(
        "class A:\n",
        "x = (\n",
        "@a\n",
        "if x:\n",
        "'''\n",
        "(",
        "{'a': ",
        "-",
        "+1",
        ".a",
        "lambda: ",
    ),
]


@pytest.mark.parametrize("suffix", ["md", "rst"])
def test_anything_repeated(suffix: str, tmp_path: Path) -> None:
    for number, unit in enumerate(_UNITS):
        started = time.monotonic()
        result = outcome(source_file(tmp_path, f"{number}.{suffix}", repeated(unit)))
        assert result in {"ok", *_REASONS}, unit
        assert time.monotonic() - started < _SECONDS, unit


@pytest.mark.parametrize("suffix", ["md", "rst"])
def test_anything_repeated_between_words_of_a_heading(suffix: str, tmp_path: Path) -> None:
    for start in ("# a", "a", "`a", ":a:`a", "<h1>a", "[a"):
        for unit in (" ", "\t", "#", ":", "`", "*", "<", "{#", "]("):
            text = start + unit * (_SIZE // len(unit)) + "b\n====\n\nwords"
            started = time.monotonic()
            assert outcome(source_file(tmp_path, f"a.{suffix}", text)) in {"ok", *_REASONS}
            assert time.monotonic() - started < _SECONDS, (start, unit)


def test_anything_repeated_as_code_or_text(tmp_path: Path) -> None:
    for number, unit in enumerate(_UNITS):
        for suffix in ("py", "txt", "ipynb"):
            started = time.monotonic()
            outcome(source_file(tmp_path, f"{number}.{suffix}", "x = " + repeated(unit)))
            assert time.monotonic() - started < _SECONDS, unit


_DEEP: dict[str, str] = {
    "quotes.md": ">" * 10_000 + " a\n" + "> " * 10_000 + "b",
    "lists.md": indented("- a", 1500),
    "mixed.md": "\n".join("> - " * n + "a" for n in range(150)),
    "directives.md": "\n".join("`" * (n + 3) + "{note}" for n in range(300, 0, -1)),
    "brackets.md": "# " + "[" * 10_000 + "a" + "]" * 10_000,
    "emphasis.md": "# " + "*" * 10_000 + "a" + "*" * 10_000,
    "html.md": "<div>" * 10_000 + "\n\nwords\n\n" + "</div>" * 10_000,
    "directives.rst": indented(".. note::\n", 250, 3),
    "quotes.rst": indented("a", 400, 1),
    "parentheses.py": "x = " + "(" * 10_000 + ")" * 10_000,
    "signs.py": "x = " + "-" * 100_000 + "1",
    "sums.py": "x = 1" + "+1" * 100_000,
    "blocks.py": "".join(" " * n + f"class A{n}:\n" for n in range(98)) + " " * 98 + "pass",
    "lists.ipynb": "[" * 100_000,
    "cells.ipynb": '{"cells": ' + '[{"source": ' * 50_000,
    "headings.md": "".join(f"{'#' * (n % 6 + 1)} h{n}\n\n" for n in range(3000)),
    "wide.md": "|" + "a|" * 20_000 + "\n|" + "-|" * 20_000 + "\n" + "|1|2|\n" * 50,
    "long.md": "|a|b|\n|-|-|\n" + "|1|2|\n" * 20_000,
    "heading.md": "# " + "word " * 20_000,
    "front.md": "---\n" + "a: b\n" * 20_000,
    "front2.md": "---\ntitle: " + "x" * 100_000 + "\n---\n\nwords",
    "one.txt": "x" * 1_000_000,
    "one.md": "word " * 200_000,
    "titles.md": "<h1>a</h1>" * 200_000,
    "row.md": "|a|\n|-|\n|" + "word " * 50_000 + "|",
}


@pytest.mark.parametrize("name", _DEEP)
def test_deep_wide_and_long(name: str, tmp_path: Path) -> None:
    started = time.monotonic()
    assert outcome(source_file(tmp_path, name, _DEEP[name])) in {"ok", "damaged", "no text"}
    assert time.monotonic() - started < _SECONDS


def test_many_short_lines_take_little_memory(tmp_path: Path) -> None:
    """The Markdown parser is spared what no person wrote; the words stay."""
    file = source_file(tmp_path, "a.md", "# Title\n\n" + "- a b c\n" * 150_000)
    assert {block.kind for block in load(file).blocks} == {"prose"}


_NOTEBOOKS = [
    {"cells": None},
    {"cells": [None, 1, "a", [], {}]},
    {"cells": [{"cell_type": "code", "source": {"a": 1}}]},
    {"cells": [{"cell_type": "heading", "level": "x", "source": ["a", 1, None]}]},
    {"cells": [{"cell_type": "markdown", "source": "a"}], "metadata": {"language_info": []}},
    {"worksheets": [{"cells": 1}, None, {"cells": [{"input": 3}]}]},
    {"metadata": "x", "cells": [{"cell_type": ["code"], "source": "a"}]},
]


@pytest.mark.parametrize("notebook", _NOTEBOOKS, ids=range(len(_NOTEBOOKS)))
def test_notebooks_of_the_wrong_shape(notebook: object, tmp_path: Path) -> None:
    assert outcome(source_file(tmp_path, "a.ipynb", json.dumps(notebook))) in {"ok", "no text"}


_any_text = st.text(max_size=300)
_suffixes = st.sampled_from(["md", "txt", "rst", "ipynb", "py", "unknown"])


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=400), _any_text.map(lambda t: t.encode("utf-8"))), _suffixes)
def test_any_content_under_any_name(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert outcome(source_file(folder, f"any.{suffix}", content)) in {"ok", *_REASONS}


@settings(max_examples=100, deadline=None)
@given(
    _any_text, st.sampled_from(["gbk", "gb18030", "big5", "utf-16", "utf-16-be", "utf-7", "cp1252"])
)
def test_any_text_in_any_encoding(
    tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = text.encode(encoding, errors="replace")
    assert outcome(source_file(folder, "any.md", content)) in {"ok", *_REASONS}


def bomb() -> bytes:
    """A DOCX of about 300 kB that unpacks to 300 MB."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/document.xml", "w") as member,
    ):
        for _ in range(300):
            member.write(b" " * (1 << 20))
    return buffer.getvalue()


def bomb_that_lies() -> bytes:
    """The same, with a directory that gives the size as 1000 bytes."""
    content = docx(paragraph("x" * 3_000_000))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo("word/document.xml")
    return content.replace(info.file_size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))


def many_members() -> bytes:
    return zipped({f"word/{n}.xml": "" for n in range(10_001)}, compressed=False)


def laughs() -> str:
    """Entities that grow to gigabytes."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE d [<!ENTITY a0 "ha">{entities}]>'


def docx_with_doctype(doctype: str, text: str) -> bytes:
    content = docx(paragraph(text))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["word/document.xml"] = doctype.encode() + members["word/document.xml"]
    return zipped({**members})


def pdf_bomb() -> bytes:
    """A stream that unpacks to 100 MB of the same operator."""
    stream = zlib.compress(b"q Q " * 2_500_000, 9)
    good = pdf(["words"])
    start, end = good.index(b"4 0 obj"), good.index(b"5 0 obj")
    head = b"4 0 obj\n<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(stream)
    return good[:start] + head + stream + b"\nendstream\nendobj\n" + good[end:]


_DOCUMENTS: dict[str, tuple[str, Callable[[], str | bytes], set[str]]] = {
    "zip bomb": ("a.docx", bomb, {"unpacks too large"}),
    "zip bomb that lies": ("a.docx", bomb_that_lies, {"damaged"}),
    "too many members": ("a.epub", many_members, {"unpacks too large"}),
    "no archive": ("a.docx", lambda: "just text", {"damaged"}),
    "empty archive": ("a.pptx", lambda: zipped({}), {"damaged"}),
    "another archive": ("a.epub", lambda: zipped({"a.txt": "a"}), {"damaged"}),
    "half an archive": ("a.docx", lambda: docx(paragraph("a"))[:-200], {"damaged"}),
    "half a presentation": ("a.pptx", lambda: pptx("a", "b")[:9000], {"damaged"}),
    "a deep document": (
        "a.docx",
        lambda: docx("<w:tbl><w:tr><w:tc>" * 3000 + "</w:tc></w:tr></w:tbl>" * 3000),
        {"damaged", "nested too deeply", "no text"},
    ),
    "a billion laughs": (
        "a.docx",
        lambda: docx_with_doctype(laughs(), "&a11;"),
        {"damaged", "takes too much memory"},
    ),
    "a local file": (
        "b.docx",
        lambda: docx_with_doctype('<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]>', "&f;"),
        {"damaged", "no text"},
    ),
    "a book of tags": ("a.epub", lambda: epub("", "<b></b>"), {"no text", "ok"}),
    "no document": ("a.pdf", lambda: b"\0\1\2\3" * 100, {"damaged"}),
    "half a PDF": ("a.pdf", lambda: pdf(["words"])[:250], {"damaged", "no text"}),
    "a PDF of pictures": ("a.pdf", lambda: pdf([]), {"no text"}),
    "a PDF that swells": ("a.pdf", pdf_bomb, {"too slow", "no text", "takes too much memory"}),
    "a page of depth": ("a.html", lambda: "<div>" * 10_000 + "words", {"ok"}),
    "a page of tables": ("a.html", lambda: "<table><tr><td>" * 3000 + "words", {"ok"}),
    "a page of pictures": ("a.html", lambda: "<img src=a.png>" * 100, {"no text"}),
    "a page of scripts": ("a.html", lambda: "<script>alert('words')</script>", {"no text"}),
    "a page of NULs": ("a.html", lambda: b"<p>a\0b</p>", {"binary"}),
    "an unclosed page": ("a.html", lambda: "<!-- <a <b 'c <![CDATA[ words", {"ok", "no text"}),
}


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_documents(name: str, tmp_path: Path) -> None:
    path, content, reasons = _DOCUMENTS[name]
    started = time.monotonic()
    assert outcome(source_file(tmp_path, path, content()), conversion_seconds=5) in reasons
    assert time.monotonic() - started < 15


def test_a_conversion_that_takes_too_long_is_broken_off(tmp_path: Path) -> None:
    file = source_file(tmp_path, "a.docx", docx(paragraph("words")))
    started = time.monotonic()
    assert outcome(file, conversion_seconds=0.05) == "too slow"
    assert time.monotonic() - started < 5
    assert outcome(file) == "ok"
