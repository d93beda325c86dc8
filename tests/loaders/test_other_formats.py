"""Plain text, reST, notebooks, Python and documents that are converted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.errors import PASSING_REASONS, UnreadableFileError
from assistant.loaders import conversion
from tests.loaders.documents import docx, epub, paragraph, pdf, pptx
from tests.loaders.files import loaded, shape


def test_paragraphs_of_plain_text(tmp_path: Path) -> None:
    document = loaded(tmp_path, "a.txt", "\none\ntwo\n\n# no heading\n")
    assert shape(document) == [("prose", 2, 3), ("prose", 5, 5)]
    assert document.title == ""


@pytest.mark.parametrize("name", ["merges.txt", "merges.md"])
def test_a_vocabulary_is_told_by_its_content(name: str, tmp_path: Path) -> None:
    merges = "#version: 0.2\n" + "".join(f"Ġ{chr(97 + n % 26)}{n} x{n}\n" for n in range(3000))
    words = "".join(f"token{n}\n" for n in range(3000))
    for text in (merges, words):
        with pytest.raises(UnreadableFileError) as raised:
            loaded(tmp_path, name, text)
        assert raised.value.reason == "vocabulary list"


def test_texts_of_short_lines_are_no_vocabulary(tmp_path: Path) -> None:
    poem = "".join(f"第{n}句诗在这里，很短。\n" for n in range(2000))
    table = "| a | b |\n|---|---|\n" + "".join(f"|{n}|b{n}|\n" for n in range(2000))
    items = "".join(f"- item{n}\n" for n in range(2000))
    spaced = "".join(f"word{n}\n\n" for n in range(2000))
    for name, text in (("a.txt", poem), ("b.md", table), ("c.md", items), ("d.txt", spaced)):
        assert loaded(tmp_path, name, text).blocks


def test_requirements_are_told_by_name_and_content(tmp_path: Path) -> None:
    packages = "# build\n-r base.txt\nnumpy>=2\ntorch==2.1; python_version > '3'\npkg[x]\n"
    with pytest.raises(UnreadableFileError) as raised:
        loaded(tmp_path, "requirements/runtime.txt", packages)
    assert raised.value.reason == "requirements list"
    assert loaded(tmp_path, "requirements/notes.txt", "Install these first.\n").blocks
    assert loaded(tmp_path, "packages.txt", packages).blocks


REST = """\
=====
Guide
=====

.. image:: a.png
   :width: 10

Some *prose*
of two lines::

    code here

    more code

Part with :ref:`a link <target>`
--------------------------------

.. _target:

.. note:: Mind this.

   - item

.. code-block:: python
   :linenos:

   a = 1

.. a comment
   of lines

+---+---+
| a | b |
+---+---+

===  ===
a    b
===  ===
1    2
===  ===

中文标题
========

.. toctree::

   page
"""


def test_rest(tmp_path: Path) -> None:
    document = loaded(tmp_path, "page.rst", REST)
    assert shape(document) == [
        ("heading", 1, 3),
        ("prose", 8, 9),
        ("code", 11, 13),
        ("heading", 15, 16),
        ("prose", 20, 20),
        ("prose", 22, 22),
        ("code", 24, 27),
        ("table", 32, 34),
        ("table", 36, 40),
        ("heading", 42, 43),
    ]
    levels = [(block.level, block.title) for block in document.blocks if block.level]
    assert levels == [(1, "Guide"), (2, "Part with a link"), (3, "中文标题")]
    assert document.title == "Guide"
    assert not document.converted


def test_a_notebook(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Train\n", "\n", "Some words."]},
        {"cell_type": "code", "source": "print('```')", "outputs": [{"text": "secret"}]},
        {"cell_type": "raw", "source": "raw"},
        {"cell_type": "markdown", "source": ""},
    ]
    document = loaded(tmp_path, "a.ipynb", json.dumps({"cells": cells}))
    assert document.text == "# Train\n\nSome words.\n\n````python\nprint('```')\n````\n"
    assert [kind for kind, _, _ in shape(document)] == ["heading", "prose", "code"]
    assert document.converted
    assert document.title == "Train"


def test_a_notebook_of_format_3(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old"]},
        {"cell_type": "code", "input": ["a = 1"]},
    ]
    document = loaded(tmp_path, "a.ipynb", json.dumps({"worksheets": [{"cells": cells}]}))
    assert document.text == "## Old\n\n```python\na = 1\n```\n"


@pytest.mark.parametrize("content", ["{", "[1]", '"text"', "[" * 100_000])
def test_a_damaged_notebook(content: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        loaded(tmp_path, "a.ipynb", content)
    assert raised.value.reason == "damaged"


PYTHON = '''"""Tools for tests."""

import os

@decorated
def first(a,
          b):
    return a

class Tool:
    """A tool."""

    size = 1

    async def run(self):
        pass

    after = 2

END = first
'''


def test_python(tmp_path: Path) -> None:
    document = loaded(tmp_path, "a.py", PYTHON)
    assert [(b.kind, b.start_line, b.end_line, b.level, b.title) for b in document.blocks] == [
        ("code", 1, 3, 0, ""),
        ("heading", 5, 7, 1, "first"),
        ("code", 8, 8, 0, ""),
        ("heading", 10, 10, 1, "Tool"),
        ("code", 11, 13, 0, ""),
        ("heading", 15, 15, 2, "run"),
        ("code", 16, 16, 0, ""),
        ("heading", 18, 18, 2, ""),
        ("heading", 20, 20, 1, ""),
    ]
    assert document.title == "Tools for tests."


def test_python_that_does_not_parse_is_text(tmp_path: Path) -> None:
    document = loaded(tmp_path, "a.py", "def broken(:\n    pass\n\nmore\n")
    assert shape(document) == [("prose", 1, 2), ("prose", 4, 4)]


HTML = (
    "<html><head><title>Guide &amp; more</title><style>b{}</style></head><body><h2>Use</h2>"
    "<p>Run <b>it</b>.</p><table><tr><th>x</th></tr><tr><td>1</td></tr></table>"
    "<script>alert(1)</script></body></html>"
)


@pytest.mark.parametrize(
    ("name", "content", "title", "text"),
    [
        ("a.docx", docx(paragraph("Guide", "Heading1") + paragraph("Some 文字.")), "Guide", "文字"),
        ("a.pptx", pptx("Slides", "Some words"), "Slides", "Some words"),
        ("a.pdf", pdf(["Hello words", "of a page"]), "", "Hello words"),
        ("a.epub", epub("Book", "Text of it"), "Book", "Text of it"),
        ("a.html", HTML, "Guide & more", "## Use\n\nRun **it**.\n\n| x |\n| --- |\n| 1 |"),
        ("b.htm", "<p>这是一个网页，我们在这里说明。</p>".encode("gbk"), "", "我们在这里说明"),
    ],
)
def test_documents_that_are_converted(
    name: str, content: str | bytes, title: str, text: str, tmp_path: Path
) -> None:
    document = loaded(tmp_path, name, content)
    assert text in document.text
    assert "alert" not in document.text
    assert document.title == title
    assert document.converted


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "raise ImportError"])
def test_a_converter_that_is_stopped_is_no_fault_of_the_file(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text(f"import os, sys\nsys.stdin.read()\n{end}\n")
    monkeypatch.setattr(conversion, "_CHILD", child)
    with pytest.raises(UnreadableFileError) as raised:
        loaded(tmp_path, "a.html", "<p>words</p>")
    assert raised.value.reason in PASSING_REASONS
