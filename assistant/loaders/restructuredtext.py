"""Parses reStructuredText into blocks by its layout, without running directives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assistant.documents import Block, LoadedDocument, SourceFile
from assistant.language import has_words, page_language, width_of

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*$")
_SIMPLE_TABLE = re.compile(r"\s*=+(?:[ ]+=+)+\s*$")
_GRID_TABLE = re.compile(r"\s*\+[-=+]+\+\s*$")
_DIRECTIVE = re.compile(r"\s*\.\. (?:\|[^|]+\| )?([\w:.+-]+)::(?:\s|$)(.*)")
_FOOTNOTE = re.compile(r"\s*\.\. \[[^\]]+\]\s")
_OPTION = re.compile(r"\s*:[\w -]+:")
_CODE = re.compile(
    r"(?:code|code-block|sourcecode|highlight|math|raw|parsed-literal|literalinclude|prompt|"
    r"doctest|graphviz|mermaid|csv-table|list-table)$"
)
_NOISE = re.compile(r"(?:image|figure|toctree|include|contents|auto\w+|replace|role|meta|index)$")
_ROLE = re.compile(r":[\w:+-]+:`([^`<]+?)(?:\s*<[^`>]*>)?`|`([^`<]+?)\s*<[^`>]*>`_+|[`*]{1,2}")
_DEEPEST = 4  # directives inside directives
_LONGEST_HEADING = 1000  # characters of a heading that are parsed; `_ROLE` is quadratic


def load_restructuredtext(file: SourceFile, text: str) -> LoadedDocument:
    """Parse a page."""
    lines = text.split("\n")
    blocks = tuple(_Reader(lines).blocks())
    prose = "\n".join(
        "\n".join(lines[block.start_line - 1 : block.end_line])
        for block in blocks
        if block.kind != "code"
    )
    title = next((block.title for block in blocks if block.title), "")
    return LoadedDocument(text, blocks, title, page_language(file, "", prose))


class _Reader:
    """Reads the lines in one pass; a heading's level is the order in which its style appeared."""

    def __init__(self, lines: Sequence[str], depth: int = 0) -> None:
        self._lines = lines
        self._depth = depth
        self._styles: list[tuple[str, bool]] = []
        self._literal_indent: int | None = None  # set after a paragraph that ends in "::"

    def blocks(self) -> Iterator[Block]:
        position = 0
        while position < len(self._lines):
            if not self._lines[position].strip():
                position += 1
                continue
            end, found = self._next(position)
            yield from found
            position = max(end, position + 1)

    def _next(self, position: int) -> tuple[int, list[Block]]:
        """The line after the construct at line index `position`, and its blocks."""
        line = self._lines[position]
        literal, self._literal_indent = self._literal_indent, None
        if literal is not None and _indent(line) > literal:
            end = self._indented_end(position, literal)
            return end, [Block("code", position + 1, end)]
        heading = self._heading(position)
        if heading:
            return heading.end_line, [heading]
        if line.lstrip().startswith(".."):
            return self._explicit(position)
        if _GRID_TABLE.match(line) or _SIMPLE_TABLE.match(line):
            end = self._table_end(position)
            return end, [Block("table", position + 1, end)]
        end = self._paragraph_end(position)
        if self._lines[end - 1].rstrip().endswith("::"):
            self._literal_indent = _indent(line)
        reads = any(map(has_words, self._lines[position:end]))
        return end, [Block("prose", position + 1, end)] if reads else []

    def _heading(self, position: int) -> Block | None:
        lines = self._lines[position : position + 3]
        over = _ADORNMENT.match(lines[0])
        if over and len(lines) == 3 and lines[2].rstrip() == lines[0].rstrip():
            title, mark, last = lines[1], (over[1], True), position + 3
        elif not over and len(lines) > 1 and (under := _ADORNMENT.match(lines[1])):
            title, mark, last = lines[0], (under[1], False), position + 2
            if _indent(title) or len(lines[1].rstrip()) < min(4, width_of(title.rstrip())):
                return None
        else:
            return None
        if not title.strip() or _SIMPLE_TABLE.match(title):
            return None
        if mark not in self._styles:
            self._styles.append(mark)
        title = title.strip()[:_LONGEST_HEADING]
        words = _ROLE.sub(lambda match: match[1] or match[2] or "", title)
        return Block("heading", position + 1, last, self._styles.index(mark) + 1, words[:200])

    def _explicit(self, position: int) -> tuple[int, list[Block]]:
        """Parse a directive, comment, target or footnote with its indented body."""
        end = self._indented_end(position + 1, _indent(self._lines[position]))
        match = _DIRECTIVE.match(self._lines[position])
        if not match:
            footnote = _FOOTNOTE.match(self._lines[position])
            return end, [Block("prose", position + 1, end)] if footnote else []
        name = match[1].lower()
        if _NOISE.match(name):
            return end, []
        if _CODE.match(name) or self._depth >= _DEEPEST:
            return end, [Block("code", position + 1, end)]
        inner = position + 1
        while inner < end and _OPTION.match(self._lines[inner]):
            inner += 1
        found = [Block("prose", position + 1, position + 1)] if match[2].strip() else []
        for block in _Reader(_dedented(self._lines[inner:end]), self._depth + 1).blocks():
            kind = "prose" if block.level else block.kind
            first, last = block.start_line + inner, block.end_line + inner
            found.append(replace(block, kind=kind, start_line=first, end_line=last, level=0))
        return end, found

    def _indented_end(self, position: int, indent: int) -> int:
        """The line after the body at `position`, which is indented by more than `indent`."""
        end = position
        while position < len(self._lines):
            line = self._lines[position]
            if line.strip():
                if _indent(line) <= indent:
                    break
                end = position + 1
            position += 1
        return end

    def _table_end(self, position: int) -> int:
        simple = _SIMPLE_TABLE.match(self._lines[position])
        end, borders = position, 0
        while end < len(self._lines) and (self._lines[end].strip() or (simple and borders < 3)):
            if simple and _SIMPLE_TABLE.match(self._lines[end]):
                borders += 1
                after = self._lines[end + 1] if end + 1 < len(self._lines) else ""
                if borders >= 2 and not after.strip():
                    return end + 1
            end += 1
        while end > position + 1 and not self._lines[end - 1].strip():
            end -= 1
        return end

    def _paragraph_end(self, position: int) -> int:
        end = position + 1
        while end < len(self._lines) and self._lines[end].strip():
            end += 1
        return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _dedented(lines: Sequence[str]) -> list[str]:
    common = min((_indent(line) for line in lines if line.strip()), default=0)
    return [line[common:] for line in lines]
