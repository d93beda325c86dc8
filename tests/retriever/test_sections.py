"""Broken sections put together, and texts that are nearly the same left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.retriever.sections import distinct, joined, whole_sections
from tests.builders import make_chunk

# Rows 0-1 and 5-7 are short sections, 2 is one chunk, 10-14 a long section.
SECTIONS = [[0, 1], [2], [5, 6, 7], [10, 11, 12, 13, 14]]


def section(row: int) -> list[int]:
    return next(rows for rows in SECTIONS if row in rows)


@pytest.mark.parametrize(
    ("ranked", "expected"),
    [
        ([1, 2, 0], [[0, 1], [2]]),
        ([1, 2], [[1], [2]]),
        ([7, 5], [[5, 6, 7]]),
        ([6, 2], [[6], [2]]),
        ([13, 10, 2, 12], [[13], [10], [2], [12]]),
        ([], []),
    ],
)
def test_a_short_section_of_which_two_chunks_were_found_is_one_hit(
    ranked: list[int], expected: list[list[int]]
) -> None:
    assert whole_sections(ranked, section) == expected


@given(st.lists(st.sampled_from([row for rows in SECTIONS for row in rows]), unique=True))
def test_every_row_found_is_in_one_group_and_groups_keep_the_order(ranked: list[int]) -> None:
    groups = whole_sections(ranked, section)
    shown = [row for group in groups for row in group]
    assert len(set(shown)) == len(shown)
    assert set(ranked) <= set(shown)
    firsts = [min(ranked.index(row) for row in group if row in ranked) for group in groups]
    assert all(one < other for one, other in pairwise(firsts))


def test_joined_chunks_have_the_text_lines_and_tokens_of_all() -> None:
    parts = [
        make_chunk(id="a", text="one\ntwo", start_line=3, end_line=4, url="u#L3-L4", token_count=2),
        make_chunk(id="b", text="three", start_line=6, end_line=6, url="u#L6-L6", token_count=1),
        make_chunk(id="c", text="four", start_line=7, end_line=9, url="u#L7-L9", token_count=5),
    ]
    whole = joined(parts)
    assert (whole.id, whole.text) == ("a", "one\ntwo\nthree\nfour")
    assert (whole.start_line, whole.end_line, whole.token_count) == (3, 9, 8)
    assert whole.url == "u#L3-L9"
    assert joined(parts[:1]) is parts[0]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "https://h/VL2/blob/c10/p10.md?plain=1#L{0}-L{1}",
            "https://h/VL2/blob/c10/p10.md?plain=1#L10-L20",
        ),
        ("https://h/a.md#L{0}-{1}", "https://h/a.md#L10-20"),
        ("https://h/a.md#lines-{0}:{1}", "https://h/a.md#lines-10:20"),
        ("https://h/a.md#L{0}", "https://h/a.md#L10"),
        ("https://h/10.html", "https://h/10.html"),
        ("", ""),
    ],
)
def test_the_address_of_joined_chunks_ends_at_the_last_line(template: str, expected: str) -> None:
    first = make_chunk(start_line=10, end_line=10, url=template.format(10, 10))
    last = make_chunk(start_line=20, end_line=20, url=template.format(20, 20))
    assert joined([first, last]).url == expected


def test_addresses_of_another_form_are_left_alone() -> None:
    assert joined([make_chunk(url="a#L1-L2"), make_chunk(url="b")]).url == "a#L1-L2"


def test_nearly_the_same_text_is_left_out() -> None:
    text = "Install LMDeploy with pip, then start the server, wait for the port and ask a question."
    texts = [text, text.upper(), text + " Enjoy.", "Something different.", "?!", "？！", text[:30]]
    assert distinct([make_chunk(text=each) for each in texts]) == [0, 3, 4, 5, 6]
    assert distinct([]) == []
