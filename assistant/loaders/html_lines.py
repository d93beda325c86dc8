"""Finds the blocks of HTML inside Markdown, with their line numbers."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from assistant.documents import Block
from assistant.loaders.noise import is_noise

_HEADING = re.compile(r"<h([1-6])\b[^<>]{0,500}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_UNREAD = (
    (re.compile("<!--"), re.compile("-->")),
    (re.compile(r"<script\b", re.IGNORECASE), re.compile("</script>", re.IGNORECASE)),
    (re.compile(r"<style\b", re.IGNORECASE), re.compile("</style>", re.IGNORECASE)),
)
_LONGEST_TITLE = 200


def html_blocks(lines: list[str], first: int, last: int) -> Iterator[Block]:
    """Blocks of lines[first:last]: headings, and lines of readable text as prose or table."""
    text = "\n".join(lines[first:last])
    table = text.lstrip().lower().startswith("<table")
    shown = _without_unread(text).split("\n")
    headings = dict(_headings("\n".join(shown)))
    number = 0
    while number < len(shown):
        if number in headings:
            end, level, title = headings[number]
            yield Block("heading", first + number + 1, first + end + 1, level, title)
            number = end + 1
            continue
        run = number
        while run < len(shown) and run not in headings and not is_noise(shown[run]):
            run += 1
        if run > number:
            yield Block("table" if table else "prose", first + number + 1, first + run)
        number = max(run, number + 1)


def _without_unread(text: str) -> str:
    """Replace comments, scripts and styles by their line breaks; unclosed ones stay as text."""
    for opening, closing in _UNREAD:
        kept: list[str] = []
        done = 0
        while (start := opening.search(text, done)) and (end := closing.search(text, start.end())):
            kept.append(text[done : start.start()])
            kept.append("\n" * text.count("\n", start.start(), end.end()))
            done = end.end()
        text = "".join((*kept, text[done:]))
    return text


def _headings(text: str) -> Iterator[tuple[int, tuple[int, int, str]]]:
    """(first line, (last line, level, title)) of each heading; lines count from 0."""
    done = counted = line = 0
    for match in _HEADING.finditer(text):
        if match.start() < done:
            continue
        closing = text.find("</h", match.end())
        if closing < 0:
            return
        title = " ".join(html.unescape(_TAG.sub(" ", text[match.end() : closing])).split())
        end = text.find(">", closing)
        done = len(text) if end < 0 else end
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if title and len(title) <= _LONGEST_TITLE:
            yield line, (line + text.count("\n", counted, done), int(match[1]), title)
