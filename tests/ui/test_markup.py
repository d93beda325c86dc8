"""Markdown to HTML that cannot run or load anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.ui.markup import answer_markup, both, web_address
from assistant.ui.texts import Words

SAFE_TAGS = frozenset(
    re.findall(
        r"\w+",
        "p br ul ol li em strong s code pre div span a button table thead tbody tr th td "
        "blockquote h1 h2 h3 h4 h5 h6 hr",
    )
)


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.links: list[dict[str, str | None]] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<iframe src=https://evil.example.org></iframe>",
        "`<script>`\n\n```html\n<script>alert(1)</script>\n```",
        "![x](https://evil.example.org/track.png)",
        "![x][1]\n\n[1]: https://evil.example.org/track.png",
        "<https://evil.example.org/?\"onmouseover='alert(1)'>",
        '```"><script>\nx\n```',
        "<|action_start|>",
    ],
)
def test_html_and_images_of_an_answer_are_only_text(text: str) -> None:
    seen = Seen(answer_markup(text, numbers=[1]))
    assert seen.tags <= SAFE_TAGS
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert "src" not in seen.attributes


def test_what_looks_like_html_can_be_read() -> None:
    assert "<|action_start|> and <b>" in Seen(answer_markup("<|action_start|> and <b>")).text


@pytest.mark.parametrize("scheme", ["javascript:alert(1)", "data:text/html,x", "file:///etc/x"])
def test_only_web_links_are_links(scheme: str) -> None:
    assert Seen(answer_markup(f"[x]({scheme})")).links == []
    assert web_address(scheme) == ""


def test_links_open_elsewhere_and_do_not_tell_where_from() -> None:
    (link,) = Seen(answer_markup("[docs](https://example.org/a?b=1&c=2)")).links
    assert link["href"] == "https://example.org/a?b=1&c=2"
    assert link["target"] == "_blank"
    assert "noopener" in (link["rel"] or "")


def test_numbers_of_sources_become_links_to_them_and_others_stay_text() -> None:
    seen = Seen(answer_markup("yes [1][3], no [7], `[1]`", place=2, numbers=[1, 2, 3]))
    assert [link["href"] for link in seen.links] == ["#source-2-1", "#source-2-3"]
    assert seen.text.strip() == "yes 13, no [7], [1]"


def test_a_number_within_a_link_stays_text() -> None:
    seen = Seen(answer_markup("[see [1] here](https://example.org) [1]", numbers=[1]))
    assert [link["href"] for link in seen.links] == ["https://example.org", "#source-0-1"]
    assert seen.text.strip() == "see [1] here 1"


def test_a_text_cannot_make_its_numbers_lead_elsewhere() -> None:
    seen = Seen(answer_markup("see [1]\n\n[1]: https://evil.example.org", numbers=[1]))
    assert {link["href"] for link in seen.links} == {"#source-0-1"}


def test_code_tables_and_lists_keep_their_form() -> None:
    html = answer_markup("a\nb\n\n```sh\nls <x>\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n* x")
    assert {"pre", "table", "ul", "br"} <= Seen(html).tags
    assert "ls &lt;x&gt;" in html


def test_both_languages_are_there_and_escaped() -> None:
    html = both(Words("<中>", "<en>"))
    assert 'lang="zh"' in html
    assert "&lt;中&gt;" in html
    assert "&lt;en&gt;" in html


@given(st.text(alphabet="<>[]()!`*_#|\\\n\"'&:/ 1ahjps=", max_size=80))
def test_no_text_at_all_gets_through_as_other_tags(text: str) -> None:
    seen = Seen(answer_markup(text, numbers=[1]))
    assert seen.tags <= SAFE_TAGS
    assert seen.attributes <= {"class", "href", "target", "rel", "lang", "type", "title", "start"}
    for link in seen.links:
        assert (link["href"] or "").startswith(("#source-", "http://", "https://"))
