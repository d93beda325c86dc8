"""Addresses that open lines of a file."""

from __future__ import annotations

from assistant.sources import link_for

TEMPLATE = "https://example.org/{commit}/{path}?plain=1#L{start_line}-L{end_line}"


def test_fields_are_filled_in_and_the_path_is_quoted() -> None:
    assert link_for(TEMPLATE, "c0ffee", "docs/安装 #1?.md", 3, 9) == (
        "https://example.org/c0ffee/docs/%E5%AE%89%E8%A3%85%20%231%3F.md?plain=1#L3-L9"
    )


def test_no_link_without_a_template_or_a_commit_that_it_needs() -> None:
    assert link_for(None, "c0ffee", "a.md", 1, 2) == ""
    assert link_for(TEMPLATE, "", "a.md", 1, 2) == ""
    assert (
        link_for("https://example.org/{path}", "", "b/a.md", 1, 2) == "https://example.org/b/a.md"
    )
