"""Chunks follow the document: nothing lost, lines exact, sizes kept."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.documents import Chunk, LoadedDocument, Source, SourceFile
from assistant.loaders.markdown import load_markdown
from assistant.loaders.plain_text import load_plain_text
from assistant.loaders.python_code import load_python
from assistant.splitter.splitting import split

_WORD = re.compile(r"[A-Za-z0-9_]+|[\u4e00-\u9fff]")
FILE = SourceFile(Source("docs"), "guide.md", Path("guide.md"), "c0ffee")


def words(texts: Sequence[str]) -> list[int]:
    return [len(_WORD.findall(text)) for text in texts]


def characters(texts: Sequence[str]) -> list[int]:
    """A tokenizer for which line ends and spaces cost something, too."""
    return [len(text) for text in texts]


def quarters(texts: Sequence[str]) -> list[int]:
    """A tokenizer for which parts cost more than the whole."""
    return [(len(text) + 3) // 4 for text in texts]


COUNTERS = [words, characters, quarters]


def chunks_of(
    document: LoadedDocument,
    count_tokens: Callable[[Sequence[str]], list[int]] = words,
    max_tokens: int = 60,
) -> list[Chunk]:
    return split(
        document,
        FILE,
        count_tokens=count_tokens,
        max_tokens=max_tokens,
        link=lambda start, end: f"https://example.org/guide.md#L{start}-L{end}",
    )


def markdown(text: str) -> LoadedDocument:
    return load_markdown(FILE, text)


SENTENCE = " ".join(f"word{n}" for n in range(12)) + "."
TABLE = "| name | size |\n| --- | --- |\n" + "".join(f"| model{n} | {n} |\n" for n in range(40))

# Texts with everything that pages have, in any order.
_texts = st.lists(
    st.one_of(
        st.sampled_from(["alpha", "beta", "模型", "训练完成。", "Use `tool`!", "a_b", "x=1", "é"]),
        st.text(alphabet="ab 。,.é汉\t\u2028\x0c\x85", min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=60,
).map(" ".join)
_parts = st.one_of(
    st.builds(lambda n, t: f"{'#' * n} {t[:30]}", st.integers(1, 6), _texts),
    _texts,
    st.lists(_texts, min_size=1, max_size=6).map(lambda items: "\n".join(f"- {i}" for i in items)),
    st.lists(_texts, min_size=1, max_size=6).map("\n".join),
    st.lists(_texts, max_size=6).map(lambda lines: "\n".join(["```python", *lines, "```"])),
    st.lists(_texts, max_size=3).map(lambda lines: "\n".join(["~~~", *lines])),
    st.integers(1, 30).map(lambda n: TABLE[: TABLE.index(f"model{n} ")] + "|"),
    st.just("![badge](https://example.org/a.svg)"),
    st.just("<div align='center'>\n  <h2>Title</h2>\n</div>"),
    st.just("<!-- a comment\n\nof lines -->"),
    st.just("Title\n====="),
    st.just("> quoted\n> text"),
    st.just("```{note}\nMind this.\n```"),
    st.just("---"),
)
_pages = st.lists(_parts, max_size=14).map("\n\n".join)


def alphanumeric(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def check(document: LoadedDocument, chunks: list[Chunk], count: Any, max_tokens: int) -> None:
    lines = document.text.split("\n")
    for chunk in chunks:
        span = lines[chunk.start_line - 1 : chunk.end_line]
        part = chunk.start_line == chunk.end_line and chunk.text in span[0]
        assert part or chunk.text == "\n".join(span)
        assert chunk.token_count == count([chunk.embedded_text])[0] <= max_tokens
        assert any(map(str.isalnum, chunk.text))
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    places = [(chunk.start_line, chunk.end_line) for chunk in chunks]
    assert places == sorted(places)


def check_nothing_lost(document: LoadedDocument, chunks: list[Chunk]) -> None:
    lines = document.text.split("\n")
    titles = {title for chunk in chunks for title in chunk.heading}
    by_line: dict[int, str] = {}
    for chunk in chunks:
        for number in range(chunk.start_line, chunk.end_line + 1):
            by_line[number] = by_line.get(number, "") + chunk.text
    for block in document.blocks:
        if block.kind == "heading" and block.title in titles:
            continue
        for number in range(block.start_line, block.end_line + 1):
            assert alphanumeric(lines[number - 1]) in alphanumeric(by_line.get(number, ""))


@settings(max_examples=150, deadline=None)
@given(_pages, st.sampled_from(COUNTERS), st.integers(60, 200))
def test_any_page(page: str, count: Any, max_tokens: int) -> None:
    document = markdown(page)
    chunks = chunks_of(document, count, max_tokens)
    check(document, chunks, count, max_tokens)
    assert chunks == chunks_of(document, count, max_tokens)
    check_nothing_lost(document, chunks)


@settings(max_examples=60, deadline=None)
@given(_pages, st.sampled_from(COUNTERS), st.integers(32, 80))
def test_any_plain_text(page: str, count: Any, max_tokens: int) -> None:
    document = load_plain_text(FILE, page)
    chunks = chunks_of(document, count, max_tokens)
    check(document, chunks, count, max_tokens)
    check_nothing_lost(document, chunks)


def test_the_strategies_make_chunks() -> None:
    """The properties above would hold for a splitter that returns nothing."""
    document = markdown(f"# Guide\n\n{SENTENCE}\n\n{TABLE}")
    assert len(chunks_of(document)) > 1


def test_a_section_that_fits_is_one_chunk_with_its_heading() -> None:
    document = markdown(f"# Guide\n\n{SENTENCE}\n\n## Use\n\n{SENTENCE} {SENTENCE} {SENTENCE}\n")
    first, second = chunks_of(document, max_tokens=45)
    assert first.text == f"# Guide\n\n{SENTENCE}"
    assert (first.heading, first.start_line, first.end_line) == (("Guide",), 1, 3)
    assert second.text.startswith("## Use\n\nword0")
    assert second.heading == ("Guide", "Use")
    assert second.context == "docs > Guide > Use"
    assert second.url == "https://example.org/guide.md#L5-L7"
    assert (second.source, second.path, second.commit) == ("docs", "guide.md", "c0ffee")


def test_small_neighbouring_sections_share_a_chunk_where_they_fit() -> None:
    text = "# Guide\n\n" + "".join(f"## Part{n}\n\n{SENTENCE}\n\n" for n in range(6))
    merged = chunks_of(markdown(text), max_tokens=60)
    assert [chunk.text.count("## Part") for chunk in merged] == [4, 2]
    assert {chunk.heading for chunk in merged} == {("Guide",)}
    apart = chunks_of(markdown(text), max_tokens=26)
    assert [chunk.heading for chunk in apart] == [("Guide", f"Part{n}") for n in range(6)]


def test_a_heading_alone_goes_with_what_follows() -> None:
    text = f"# Guide\n\n## Use\n\n{SENTENCE}\n\n{SENTENCE}\n\n{SENTENCE}\n\n{SENTENCE}\n"
    chunks = chunks_of(markdown(text), max_tokens=32)
    assert chunks[0].text.startswith("# Guide\n\n## Use\n\nword0")
    assert {chunk.heading for chunk in chunks} == {("Guide", "Use")}


def test_a_heading_of_pictures_only_is_in_the_context() -> None:
    badges = "\n".join(f"[![b{n}](https://example.org/{n}.svg)](https://x.org)" for n in range(20))
    chunks = chunks_of(markdown(f"# Tool\n\n{badges}\n\n{SENTENCE}\n"), max_tokens=200)
    assert [(chunk.text, chunk.heading) for chunk in chunks] == [(SENTENCE, ("Tool",))]


def test_code_and_tables_that_fit_stay_whole() -> None:
    code = "```python\n" + "".join(f"line{n} = call({n})\n\n" for n in range(6)) + "```"
    text = f"# Guide\n\n{SENTENCE}\n\n{SENTENCE}\n\n{code}\n\n{SENTENCE}\n"
    assert any(code in chunk.text for chunk in chunks_of(markdown(text), max_tokens=40))


def test_a_table_that_does_not_fit_is_broken_between_rows_and_keeps_its_header() -> None:
    chunks = chunks_of(markdown(f"# Sizes\n\n{TABLE}"), max_tokens=40)
    assert len(chunks) > 2
    assert chunks[0].text.startswith("# Sizes\n\n| name | size |\n| --- | --- |\n| model0 |")
    for chunk in chunks[1:]:
        assert chunk.heading == ("Sizes", "name | size")
        assert all(row.startswith("| model") for row in chunk.text.split("\n"))


def test_long_code_is_broken_at_blank_lines() -> None:
    functions = "\n".join(f"def f{n}(a):\n    b = {n}\n    return b\n" for n in range(20))
    chunks = chunks_of(markdown(f"```python\n{functions}```\n"), max_tokens=30)
    assert len(chunks) > 3
    assert all(chunk.text.startswith("def f") for chunk in chunks[1:])


def test_long_prose_is_broken_at_paragraphs_then_items() -> None:
    paragraphs = "\n\n".join([SENTENCE] * 9)
    assert all(
        chunk.text.startswith("word0") for chunk in chunks_of(markdown(paragraphs), max_tokens=40)
    )
    items = "\n".join(f"- {SENTENCE}\n  more" for _ in range(9))
    assert all(
        chunk.text.startswith("- word0") for chunk in chunks_of(markdown(items), max_tokens=50)
    )


def test_a_long_line_is_broken_at_sentences() -> None:
    chinese = "".join(f"这是第{n}句话，说明怎样部署模型。" for n in range(30))
    chunks = chunks_of(markdown(f"# 说明\n\n{chinese}\n"), max_tokens=60)
    parts = [chunk for chunk in chunks if chunk.start_line == 3 and chunk.end_line == 3]
    assert len(parts) > 4
    assert all(part.text.endswith("。") and part.text.startswith("这是第") for part in parts)
    assert "".join(part.text for part in parts) == chinese


def test_the_last_piece_is_not_tiny() -> None:
    chunks = chunks_of(markdown("\n\n".join([SENTENCE] * 5)), max_tokens=55)
    assert [chunk.text.count("word0") for chunk in chunks] in ([3, 2], [2, 3])


def test_a_title_of_the_front_matter_stands_above_all_headings() -> None:
    document = markdown(f"---\ntitle: Manual\n---\n\n# Use\n\n{SENTENCE}\n")
    assert chunks_of(document)[0].heading == ("Manual", "Use")


def test_headings_of_a_deep_page_are_shortened_before_they_leave_no_room() -> None:
    headings = "\n\n".join(f"{'#' * n} {' '.join(['title'] * 8)} {n}" for n in range(1, 7))
    chunks = chunks_of(markdown(f"{headings}\n\n{SENTENCE}\n"), max_tokens=40)
    assert all(chunk.token_count <= 40 for chunk in chunks)
    assert chunks[-1].heading[-1].endswith("title 6")


def test_pages_without_words_give_no_chunk() -> None:
    page = "![a](a.png)\n\n---\n\n[English](a.md) | [简体中文](b.md)\n\n<br/>\n"
    assert chunks_of(markdown(page)) == []


def test_a_text_that_moves_keeps_its_id_and_twins_differ() -> None:
    text = f"{SENTENCE}\n\n# A\n\n{SENTENCE} {SENTENCE}\n\n# A\n\n{SENTENCE} {SENTENCE}\n"
    before = chunks_of(markdown(text), max_tokens=30)
    after = chunks_of(markdown("\n\n\n" + text), max_tokens=30)
    assert [chunk.id for chunk in before] == [chunk.id for chunk in after]
    assert [chunk.start_line + 3 for chunk in before] == [chunk.start_line for chunk in after]
    assert before[1].text == before[2].text
    assert len({chunk.id for chunk in before}) == 3


def test_the_documents_own_address_where_the_source_has_none() -> None:
    document = markdown("---\nsource: https://example.org/facts\n---\n\nSome words.\n")
    chunks = split(document, FILE, count_tokens=words, max_tokens=60, link=lambda _a, _b: "")
    assert [chunk.url for chunk in chunks] == ["https://example.org/facts"]


def test_addresses_of_converted_documents_name_no_lines() -> None:
    document = load_markdown(FILE, "# A\n\nwords\n", converted=True)
    assert chunks_of(document)[0].url == "https://example.org/guide.md"


def test_functions_stay_whole_under_their_names() -> None:
    body = "".join(f"        value{n} = {n}\n" for n in range(9))
    code = (
        f"import os\n\nclass Tool:\n    def run(self):\n{body}\n"
        f"    def stop(self):\n{body}\nEND = 1\n"
    )
    chunks = chunks_of(load_python(FILE, code), max_tokens=40)
    by_heading = {chunk.heading: chunk.text for chunk in chunks}
    assert by_heading[("Tool", "stop")] == f"    def stop(self):\n{body}".rstrip("\n")
    assert by_heading[("Tool", "run")].endswith(body.rstrip("\n"))
    assert chunks[0].text.startswith("import os\n\nclass Tool:\n    def run(self):")
    assert chunks[-1].text == "END = 1"
    assert chunks[-1].heading == ()


@pytest.mark.parametrize("unit", ["a", "word ", "汉", "。", "a. ", "| a ", "`", "👨‍👩‍👧"])
def test_a_line_of_a_megabyte_takes_linear_time(unit: str) -> None:
    line = unit * (1_000_000 // len(unit))
    counted = 0

    def count(texts: Sequence[str]) -> list[int]:
        nonlocal counted
        counted += sum(map(len, texts))
        return quarters(texts)

    document = load_plain_text(FILE, f"start {line} end")
    started = time.monotonic()
    chunks = chunks_of(document, count, 200)
    assert time.monotonic() - started < 10
    assert counted < 6 * len(line)
    check(document, chunks, quarters, 200)


def test_many_sections_take_linear_time() -> None:
    text = "".join(f"{'#' * (n % 6 + 1)} part {n}\n\n{SENTENCE}\n\n" for n in range(20_000))
    document = markdown(text)
    started = time.monotonic()
    assert len(chunks_of(document)) > 5000
    assert time.monotonic() - started < 15
