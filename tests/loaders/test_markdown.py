"""Structure of Markdown pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.documents import Block
from assistant.loaders.markdown import markdown_blocks
from assistant.loaders.noise import is_noise
from tests.loaders.files import loaded, shape


def blocks_of(text: str) -> list[Block]:
    return list(markdown_blocks(text.split("\n")))


def short(text: str) -> list[tuple[str, int, int]]:
    return [(block.kind, block.start_line, block.end_line) for block in blocks_of(text)]


def headings(text: str) -> list[tuple[int, str]]:
    return [(block.level, block.title) for block in blocks_of(text) if block.kind == "heading"]


def test_blocks_of_every_kind() -> None:
    text = (
        "# Guide\n\nSome prose\nof two lines.\n\n- one\n- two\n\n```python\n# no heading\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n    indented code\n\n> quoted\n"
    )
    assert short(text) == [
        ("heading", 1, 1),
        ("prose", 3, 4),
        ("prose", 6, 7),
        ("code", 9, 11),
        ("table", 13, 15),
        ("code", 17, 17),
        ("prose", 19, 19),
    ]


def test_headings_of_all_forms() -> None:
    text = (
        "# One `code` **bold** [link](a.md) ![badge](b.svg) {#anchor}\n\nTwo\n===\n\n"
        "Three\nlines\n---\n\n#### Four ####\n\n#not a heading\n\n"
        '<h2 align="center">Five &amp; <b>six</b></h2>\n\n<h1>\n  Seven\n</h1>\n'
    )
    assert headings(text) == [
        (1, "One code bold link"),
        (1, "Two"),
        (2, "Three lines"),
        (4, "Four"),
        (2, "Five & six"),
        (1, "Seven"),
    ]


def test_no_headings_inside_code_lists_and_quotes() -> None:
    text = "```\n# a\n```\n\n~~~\n# b\n~~~\n\n- # c\n\n> # d\n\n    # e\n"
    assert headings(text) == []


def test_a_fence_that_is_never_closed_is_code_to_the_end() -> None:
    assert short("words\n\n```python\na = 1\n\n# b") == [("prose", 1, 1), ("code", 3, 6)]


def test_code_and_tables_inside_lists_are_blocks() -> None:
    text = "1. first\n\n   ```bash\n   run\n   ```\n\n2. second\n\n   | a |\n   |---|\n   | 1 |\n"
    assert short(text) == [
        ("prose", 1, 1),
        ("code", 3, 5),
        ("prose", 7, 7),
        ("table", 9, 11),
    ]


def test_directives_hold_prose_or_code() -> None:
    text = (
        "```{note}\nMind this.\n\n- and that\n```\n\n```{code-block} python\na = 1\n```\n\n"
        "```{toctree}\npage\n```\n\n````{tip} Title\n:class: x\n\n```bash\nrun\n```\n````\n"
    )
    assert short(text) == [
        ("prose", 2, 2),
        ("prose", 4, 4),
        ("code", 7, 9),
        ("prose", 15, 15),
        ("code", 18, 20),
    ]


def test_what_nobody_reads_is_in_no_block() -> None:
    text = (
        '<div align="center">\n  <img src="a.png"/>\n</div>\n\n<!-- a\n\ncomment -->\n\n'
        "[![b](b.svg)](https://x.org)\n![c](c.png)\n\n---\n\n"
        "English | [简体中文](README_zh-CN.md)\n\n[a]: https://x.org\n\n(label)=\n\nread this\n"
    )
    assert short(text) == [("prose", 20, 20)]


def test_what_reads_stays() -> None:
    for line in (
        "English",
        "- 中文",
        "See [the guide](a.md).",
        "<summary>Click here</summary>",
        "![chart](a.png) Results in 2024",
        "a < b and c > d",
        "42",
        "<p>words</p>",
    ):
        assert not is_noise(line), line


def test_an_unclosed_comment_does_not_hide_the_page() -> None:
    assert short("<!-- open\n\nwords\n\nmore")[-1] == ("prose", 5, 5)


def test_text_of_html_stays_at_its_lines() -> None:
    text = (
        "<details>\n<summary>More</summary>\n\nHidden words.\n\n</details>\n<script>\nx\n</script>"
    )
    assert short(text) == [("prose", 2, 2), ("prose", 4, 4)]


def test_front_matter(tmp_path: Path) -> None:
    document = loaded(
        tmp_path,
        "page.md",
        "---\ntitle: \"A 'guide'\"\nlang: zh-CN\nsource: https://example.org/a\ntags:\n"
        "  - one\n---\n\n# Heading\n\nwords\n",
    )
    assert (document.title, document.language) == ("A 'guide'", "zh")
    assert document.url == "https://example.org/a"
    assert not document.converted
    assert shape(document) == [("heading", 9, 9), ("prose", 11, 11)]


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    document = loaded(tmp_path, "page.md", "---\n\nwords first\n\n---\n\nmore\n")
    assert shape(document) == [("prose", 3, 3), ("prose", 7, 7)]
    assert document.url == ""


def test_an_address_must_be_one(tmp_path: Path) -> None:
    document = loaded(tmp_path, "page.md", "---\nurl: javascript:alert(1)\n---\n\nwords\n")
    assert document.url == ""


def test_the_first_heading_is_the_title(tmp_path: Path) -> None:
    assert loaded(tmp_path, "page.md", "words\n\n## Use *it*\n\n# B\n").title == "Use it"
    assert loaded(tmp_path, "bare.md", "words\n").title == ""


ENGLISH, CHINESE = "Start the server on port 80.\n", "在 80 端口 start the server 启动服务。\n"


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("docs/zh_cn/a.md", ENGLISH, "zh"),
        ("docs/zh-CN/a.md", ENGLISH, "zh"),
        ("zh/a.md", ENGLISH, "zh"),
        ("a_zh.md", ENGLISH, "zh"),
        ("README_CN.md", ENGLISH, "zh"),
        ("README.zh-CN.md", ENGLISH, "zh"),
        ("docs/en/a.md", CHINESE, "en"),
        ("docs/en/README_zh-CN.md", ENGLISH, "zh"),
        ("README_en.md", CHINESE, "en"),
        ("README_chinese.md", ENGLISH, "zh"),
        ("chinese_quiz/a.md", ENGLISH, "en"),
        ("engine/cnn/a.md", ENGLISH, "en"),
        ("engine/cnn/a.md", CHINESE, "zh"),
        ("a.md", "```\n" + CHINESE * 50 + "```\n\n" + ENGLISH, "en"),
        ("a.md", "```\n" + ENGLISH * 50 + "```\n\n" + CHINESE, "zh"),
    ],
)
def test_language(path: str, text: str, language: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, path, text).language == language


def test_language_by_the_page_beside(tmp_path: Path) -> None:
    (tmp_path / "README_zh-CN.md").write_text(CHINESE, encoding="utf-8")
    assert loaded(tmp_path, "README.md", CHINESE).language == "en"
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "guide_en.md").write_text(ENGLISH, encoding="utf-8")
    assert loaded(tmp_path, "sub/guide.md", ENGLISH).language == "zh"


_PLAIN = [
    "# a",
    "```",
    "~~~x",
    "- a",
    "  - b",
    "> a",
    "a",
    "    c",
    "---",
    "===",
    "1. x",
    "\t- x",
    "[a]: b",
    "",
    "",
]
_PLAIN += ["|a|b|", "|-|-|", "|1|"]
_MARKED = ["<div>", "<!--", "-->", "```{note}", "~~~{x}", "<h1>", "</h1>", "<script>", "</script>"]


def _lines(samples: list[str]) -> st.SearchStrategy[list[str]]:
    free = st.text(alphabet="ab #>-`~|\t_*[]():1.=汉\u2028", max_size=8)
    return st.lists(st.one_of(st.sampled_from(samples), free), max_size=25)


@settings(max_examples=300, deadline=None)
@given(_lines([*_PLAIN, *_MARKED]))
def test_blocks_are_in_order(lines: list[str]) -> None:
    last = 0
    for block in blocks_of("\n".join(lines)):
        assert last < block.start_line <= block.end_line <= len(lines)
        last = block.end_line


@settings(max_examples=300, deadline=None)
@given(_lines(_PLAIN))
def test_no_word_is_lost(lines: list[str]) -> None:
    covered: set[int] = set()
    for block in blocks_of("\n".join(lines)):
        covered.update(range(block.start_line, block.end_line + 1))
    for number, line in enumerate(lines, start=1):
        assert number in covered or is_noise(line)
