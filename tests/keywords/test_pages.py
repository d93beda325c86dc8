"""Which files are one page in two languages, and where a chunk stands in its page."""

from __future__ import annotations

import pytest

from assistant.documents import Chunk
from assistant.keywords import PagePosition
from assistant.keywords.pages import files_of, page_positions, sections, translated_pages
from tests.builders import make_chunk


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (PagePosition(1, 0.2, 0.4), True),
        (PagePosition(1, 0.3, 0.4), True),
        (PagePosition(1, 0.31, 0.51), False),
        (PagePosition(1, 0.0, 1.0), True),
        (PagePosition(1, 0.4, 0.6), False),
        (PagePosition(2, 0.2, 0.4), False),
    ],
)
def test_overlaps(other: PagePosition, expected: bool) -> None:
    here = PagePosition(1, 0.2, 0.4)
    assert here.overlaps(other) is expected
    assert other.overlaps(here) is expected


def page(path: str, language: str, *texts: str) -> list[Chunk]:
    return [
        make_chunk(id=f"{path}{n}", path=path, language=language, text=t, start_line=9 * n + 1)
        for n, t in enumerate(texts)
    ]


def test_translated_sections_overlap_though_their_lengths_differ() -> None:
    zh = page("docs/zh_cn/a.md", "zh", "# 一\n短", "## 二\n短", "## 三\n短")
    en = page(
        "docs/en/a.md", "en", "# One\n" + "long " * 60, "## Two\nshort", "## Three\n" + "long " * 9
    )
    place = page_positions(files_of([*reversed(en), *zh]))
    for row, chunk in enumerate(zh):
        overlapping = [other.id for other in en if place[chunk.id].overlaps(place[other.id])]
        assert overlapping == [en[row].id]


def test_parts_of_a_page_cover_it_in_order_and_other_pages_have_other_numbers() -> None:
    chunks = page("a.md", "en", "x" * 10, "y" * 30) + page("b.md", "en", "z")
    place = page_positions(files_of(reversed(chunks)))
    assert (place["a.md0"].start, place["a.md0"].end) == pytest.approx((0, 0.25))
    assert (place["a.md1"].start, place["a.md1"].end) == pytest.approx((0.25, 1))
    assert place["a.md0"].page == place["a.md1"].page != place["b.md0"].page


def test_only_a_chinese_and_an_english_file_make_a_pair() -> None:
    zh, en = page("docs/zh_cn/a.md", "zh", "一"), page("docs/en/a.md", "en", "one")
    alone = page("docs/en/b.md", "en", "two")
    same = page("README.md", "en", "three") + page("README_en.md", "en", "three")
    assert translated_pages(files_of([*same, *en, *alone, *zh])) == [(zh, en)]


def test_sections_leave_code_out_and_do_not_take_comments_for_headings() -> None:
    text = "before\n\n# One\n\n```bash\n# a comment\n```\ntext\n\n## Two\nmore"
    assert sections([make_chunk(text=text)]) == [
        "before\n\n",
        "# One\n\n\ntext\n\n",
        "## Two\nmore",
    ]
