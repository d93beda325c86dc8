"""Addresses that open lines of a file."""

from __future__ import annotations

from assistant.documents import Source
from assistant.sources import link_for

TEMPLATE = "https://example.org/{commit}/{path}?plain=1#L{start_line}-L{end_line}"


def test_fields_are_filled_in_and_the_path_is_quoted() -> None:
    source = Source("a", git=("x",), link=TEMPLATE)
    assert link_for(source, "c0ffee", "docs/安装 #1?.md", 3, 9) == (
        "https://example.org/c0ffee/docs/%E5%AE%89%E8%A3%85%20%231%3F.md?plain=1#L3-L9"
    )


def test_no_link_without_a_template_or_a_commit_that_it_needs() -> None:
    assert link_for(Source("a"), "c0ffee", "a.md", 1, 2) == ""
    assert link_for(Source("a", link=TEMPLATE), "", "a.md", 1, 2) == ""
    source = Source("a", link="https://example.org/{path}")
    assert link_for(source, "", "b/a.md", 1, 2) == "https://example.org/b/a.md"
