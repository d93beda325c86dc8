"""Parses Markdown into blocks: CommonMark, tables, MyST directives and HTML headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from assistant.documents import Block, LoadedDocument, SourceFile
from assistant.language import page_language
from assistant.loaders.front_matter import read_front_matter
from assistant.loaders.html_lines import html_blocks
from assistant.loaders.noise import is_noise
from assistant.loaders.plain_text import load_plain_text, prose_runs

_DIRECTIVE = re.compile(r"^\{([\w:-]+)\}")
# Directives whose content is not Markdown; that of all others (note, tip, tab-item ...) is.
_CODE_DIRECTIVE = re.compile(
    r"(?:code|code-block|code-cell|sourcecode|literalinclude|math|mermaid|eval-rst|raw|"
    r"parsed-literal|graphviz|doctest|csv-table|list-table)$"
)
_NOISE_DIRECTIVE = re.compile(r"(?:toctree|figure|image|include|contents|automodule|autosummary)$")
_CONTAINERS = frozenset(
    ("bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open", "inline")
)
_OPTION = re.compile(r"^\s*:[\w-]+:")
_ANCHOR = re.compile(r"\s*\{#[^{}]*\}\s*$")
_DEEPEST = 4  # directives inside directives
_LONGEST_TITLE = 200
_LONGEST_HEADING = 1000  # characters of a heading that are parsed; patterns may be quadratic
_MOST_LINES = 100_000


def load_markdown(file: SourceFile, text: str, *, converted: bool = False) -> LoadedDocument:
    """Parse a page; one with more than `_MOST_LINES` lines is treated as plain text.

    Args:
        file: Path and neighbours help to detect the language.
        text: Content of the page.
        converted: Whether the text was converted from another format.
    """
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:  # the parser needs half a kilobyte per list item
        return replace(load_plain_text(file, text), converted=converted)
    front, skipped = read_front_matter(lines)
    blocks = tuple(markdown_blocks(lines, skipped))
    title = front.get("title", "") or next((b.title for b in blocks if b.title), "")
    prose = "\n".join(
        line
        for block in blocks
        if block.kind != "code"
        for line in lines[block.start_line - 1 : block.end_line]
    )
    declared = front.get("lang", "") or front.get("language", "")
    return LoadedDocument(
        text=text,
        blocks=blocks,
        title=title,
        language=page_language(file, declared, prose),
        url=_address(front),
        converted=converted,
    )


def markdown_blocks(lines: list[str], skipped: int = 0) -> Iterator[Block]:
    """Blocks in order, without the first `skipped` lines."""
    yield from _joined(_blocks(lines, skipped, len(lines), 0))


def _joined(blocks: Iterator[Block]) -> Iterator[Block]:
    """Join adjacent prose blocks with no line between them, such as list items."""
    last: Block | None = None
    for block in blocks:
        if last and last.kind == block.kind == "prose" and block.start_line == last.end_line + 1:
            last = replace(last, end_line=block.end_line)
            continue
        if last:
            yield last
        last = block
    if last:
        yield last


def _address(front: dict[str, str]) -> str:
    for key in ("source", "url"):
        if front.get(key, "").startswith(("https://", "http://")):
            return front[key]
    return ""


@lru_cache(maxsize=1)
def _block_parser() -> MarkdownIt:
    # Link definitions stay paragraphs: their rule is quadratic, and they are noise anyway.
    return MarkdownIt("commonmark").enable("table").disable(["inline", "reference"])


@lru_cache(maxsize=1)
def _inline_parser() -> MarkdownIt:
    return MarkdownIt("commonmark")


def _blocks(lines: list[str], start: int, end: int, depth: int) -> Iterator[Block]:
    """Blocks of lines[start:end]; lines that the parser does not cover become prose."""
    done = start  # lines before this one are processed
    for token in _block_parser().parse("\n".join(lines[start:end])):
        if token.map is None or token.nesting < 0 or token.type in _CONTAINERS:
            continue
        first, last = token.map[0] + start, min(token.map[1] + start, end)
        if first < done:
            continue  # inside a table or heading
        yield from prose_runs(lines, done, first, is_noise)
        done = last
        yield from _block(token, lines, first, last, depth)
    yield from prose_runs(lines, done, end, is_noise)


def _block(token: Token, lines: list[str], first: int, last: int, depth: int) -> Iterator[Block]:
    while last > first and not lines[last - 1].strip():
        last -= 1
    if last == first or token.type == "hr":
        return
    if token.type == "heading_open" and token.level == 0:
        yield Block("heading", first + 1, last, int(token.tag[1]), _title(token, lines, first))
    elif token.type == "fence":
        yield from _fence(token, lines, first, last, depth)
    elif token.type == "code_block":
        yield Block("code", first + 1, last)
    elif token.type == "table_open":
        yield Block("table", first + 1, last)
    elif token.type == "html_block":
        yield from html_blocks(lines, first, last)
    else:
        yield from prose_runs(lines, first, last, is_noise)


def _fence(token: Token, lines: list[str], first: int, last: int, depth: int) -> Iterator[Block]:
    match = _DIRECTIVE.match(token.info.strip())
    name = match[1].lower() if match else ""
    if _NOISE_DIRECTIVE.match(name):
        return
    if not name or _CODE_DIRECTIVE.match(name) or depth >= _DEEPEST or token.level:
        yield Block("code", first + 1, last)
        return
    closed = lines[last - 1].strip().startswith(token.markup) and last - first > 1
    inner = first + 1
    while inner < last and _OPTION.match(lines[inner]):
        inner += 1
    if token.info.strip()[match.end() :].strip() if match else "":
        yield Block("prose", first + 1, first + 1)  # the directive's own title
    for block in _blocks(lines, inner, last - closed, depth + 1):
        # A directive is part of its section; headings inside it do not start new ones.
        yield Block("prose", block.start_line, block.end_line) if block.level else block


def _title(token: Token, lines: list[str], first: int) -> str:
    assert token.map is not None  # noqa: S101 (all blocks have lines)
    raw = "\n".join(lines[first : first + token.map[1] - token.map[0]])
    if token.markup in ("=", "-"):
        raw = raw.rsplit("\n", 1)[0]
    else:
        raw = re.sub(r"\s+#+\s*$", "", raw.strip().lstrip("#")[:_LONGEST_HEADING])
    return plain_title(raw)


def plain_title(raw: str) -> str:
    """The text of a heading on one line, without markup, images and anchors."""
    raw = _ANCHOR.sub("", raw.strip()[:_LONGEST_HEADING])[: 2 * _LONGEST_TITLE]
    words: list[str] = []
    for token in _inline_parser().parseInline(raw):
        for child in token.children or ():
            if child.type in ("text", "code_inline"):
                words.append(child.content)
            elif child.type in ("softbreak", "hardbreak"):
                words.append(" ")
    joined = "".join(c if c.isprintable() else " " for c in "".join(words))
    return " ".join(joined.split())[:_LONGEST_TITLE]
