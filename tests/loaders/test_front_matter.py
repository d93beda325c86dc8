"""What a page declares above its text, and that nothing is lost where it cannot be parsed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.loaders.front_matter import read_front_matter
from tests.loaders.files import loaded, shape


def read(text: str) -> tuple[dict[str, str], int]:
    return read_front_matter(text.split("\n"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("---\ntitle: Guide\nLang: zh-CN\n---\n", {"title": "Guide", "lang": "zh-CN"}),
        ("---\ntitle: \"A 'guide'\" # a comment\n...\n", {"title": "A 'guide'"}),
        ("---\n# a comment\n\ntitle: >-\n  A long\n  title\n---\n", {"title": "A long title"}),
        ("---\ntitle: 2024-01-02\nversion: 1.10\n---", {"title": "2024-01-02", "version": "1.10"}),
        ("---\nurl: https://example.org/a#b\n---", {"url": "https://example.org/a#b"}),
        ("---\ntags: [a, b]\nauthor:\n  name: x\n---", {}),
    ],
)
def test_yaml(text: str, values: dict[str, str]) -> None:
    assert read(text) == (values, len(text.rstrip().split("\n")))


@pytest.mark.parametrize(
    "inside",
    [
        "words first",
        'title: unclosed "quote"\nlang: [zh',
        "title: A: B",
        "Note: one\n\nmore words",
        "- a\n- b",
        "title: *nothing",
        "title: \x00",
        'title: "\\UFFFFFFFF"',
        'title: "\\U00110000"',
        "a: " + "[" * 5000,
        "a: " + "x" * 100_000,
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(190)) + "? *a\n: x",
        "",
    ],
)
def test_what_cannot_be_parsed_is_text_of_the_page(inside: str) -> None:
    assert read(f"---\n{inside}\n---\n\nwords") == ({}, 0)


def test_broken_front_matter_loses_no_text(tmp_path: Path) -> None:
    document = loaded(tmp_path, "page.md", "---\ntitle: A: B\nlang: [zh\n---\n\nwords\n")
    assert [line for _, first, last in shape(document) for line in range(first, last + 1)] == [
        2,
        3,
        4,
        6,
    ]


def test_without_an_end_there_is_none() -> None:
    assert read("---\ntitle: Guide\n\nwords") == ({}, 0)
    assert read("") == ({}, 0)


@given(st.text("ab: -[]{}\"'&*!|>%@`#\n\t"))
def test_any_text(text: str) -> None:
    values, taken = read(f"---\n{text}\n---\nwords")
    assert taken <= text.count("\n") + 3
    assert all("\n" not in value for value in values.values())
