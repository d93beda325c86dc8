"""Converts untrusted text to HTML that cannot run scripts or load anything.

Questions, answers and passages are untrusted. Answers are Markdown: raw HTML in them is shown
as text, images become links, and only http and https links are kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from assistant.ui.texts import COPY, Words

_MARK = re.compile(r"\[(\d{1,3})\]")
_WEB = re.compile(r"https?://", re.IGNORECASE)


def both(words: Words, tag: str = "span", css_class: str = "") -> str:
    """A text in both languages, escaped; the stylesheet hides one of them."""
    classes = f"t {css_class}".strip()
    return "".join(
        f'<{tag} class="{classes}" lang="{language}">{escape(text)}</{tag}>'
        for language, text in words
    )


def plain(text: str) -> str:
    """A text, escaped; the stylesheet preserves its line breaks."""
    return escape(text)


def web_address(url: str) -> str:
    """The URL, escaped for an attribute; empty unless it is http or https."""
    return escape(url) if _WEB.match(url) else ""


def source_id(place: int, number: int) -> str:
    """HTML id of source `number` for the question at index `place` of a conversation."""
    return f"source-{place}-{number}"


def answer_markup(text: str, *, place: int = 0, numbers: Collection[int] = ()) -> str:
    """Convert Markdown to safe HTML.

    Args:
        text: An answer, possibly still being written.
        place: Index of its question in the conversation.
        numbers: Source numbers; [n] with one of them becomes a link to that source.
    """
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.children:
            token.children = list(_cited(token.children, place, numbers))
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def _cited(tokens: Sequence[Token], place: int, numbers: Collection[int]) -> Iterator[Token]:
    in_link = False
    for token in tokens:
        if token.type in ("link_open", "link_close"):
            in_link = token.type == "link_open"
        if token.type == "text" and not in_link:
            yield from _with_marks(token, place, numbers)
        else:
            yield token


def _with_marks(token: Token, place: int, numbers: Collection[int]) -> list[Token]:
    parts: list[Token] = []
    end = 0
    for match in _MARK.finditer(token.content):
        if (number := int(match[1])) in numbers:
            parts.append(Token("text", "", 0, content=token.content[end : match.start()]))
            link = f'<a class="cite" href="#{source_id(place, number)}">{number}</a>'
            parts.append(Token("html_inline", "", 0, content=link))
            end = match.end()
    return [*parts, Token("text", "", 0, content=token.content[end:])]


class _Renderer(RendererHTML):
    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Links open in a new tab and send no referrer."""
        tokens[idx].attrSet("target", "_blank")
        tokens[idx].attrSet("rel", "noopener noreferrer nofollow")
        return self.renderToken(tokens, idx, options, env)

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:  # noqa: ARG002 (the signature of a rule of markdown-it)
        """Code with the name of its language and a copy button."""
        name = escapeHtml(tokens[idx].info.split(maxsplit=1)[0] if tokens[idx].info.strip() else "")
        return (
            f'<div class="code"><div class="code-bar"><span>{name}</span>'
            f'<button type="button" class="copy-code">{both(COPY)}</button></div>'
            f"<pre><code>{escapeHtml(tokens[idx].content)}</code></pre></div>\n"
        )

    def code_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Render indented code like fenced code."""
        return self.fence(tokens, idx, options, env)

    def table_open(self, *_: Any) -> str:
        """Wrap tables, so that a wide one scrolls instead of the page."""
        return '<div class="table"><table>\n'

    def table_close(self, *_: Any) -> str:
        """Close the wrapper from `table_open`."""
        return "</table></div>\n"


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
    markdown.enable(["table", "strikethrough"])
    # Reference definitions would let a text redirect [1] to another address.
    markdown.disable(["image", "reference", "html_block", "html_inline"])
    markdown.validateLink = lambda url: bool(_WEB.match(url.strip()))  # type: ignore[method-assign]
    return markdown


_MARKDOWN = _markdown()
