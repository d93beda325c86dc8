"""Parses Python code into blocks, with classes and functions as headings to keep each whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from assistant.documents import Block, LoadedDocument, SourceFile
from assistant.language import page_language
from assistant.loaders.plain_text import load_plain_text

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def load_python(file: SourceFile, text: str) -> LoadedDocument:
    """Load the classes and functions of a module; code that does not parse is plain text."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return load_plain_text(file, text)
    lines = text.split("\n")
    blocks = tuple(_blocks(module.body, lines, 1, len(lines), 1))
    if not blocks:
        return load_plain_text(file, text)
    summary = (ast.get_docstring(module) or "").strip().split("\n")[0]
    return LoadedDocument(text, blocks, summary, page_language(file, "", text))


def _blocks(
    body: Sequence[ast.stmt], lines: Sequence[str], first: int, last: int, level: int
) -> Iterator[Block]:
    """Blocks of lines `first` to `last`, which hold `body`; lines outside definitions are code."""
    line, inside = first, False  # the next line; whether a definition is still open
    for node in body:
        if not isinstance(node, _Definition):
            continue
        start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        end = node.end_lineno or start
        if start < line:  # on the same line as the previous definition
            continue
        yield from _code(lines, line, start - 1, level if inside else 0)
        signature = max(start, min(node.body[0].lineno - 1, end))
        yield Block("heading", start, signature, level, node.name)
        if isinstance(node, ast.ClassDef):
            yield from _blocks(node.body, lines, signature + 1, end, level + 1)
        else:
            yield from _code(lines, signature + 1, end, 0)
        line, inside = end + 1, True
    yield from _code(lines, line, last, level if inside else 0)


def _code(lines: Sequence[str], first: int, last: int, level: int) -> Iterator[Block]:
    """Code lines, trimmed of blank ones; a heading without title ends the previous definition."""
    while first <= last and not lines[first - 1].strip():
        first += 1
    while last >= first and not lines[last - 1].strip():
        last -= 1
    if first > last:
        return
    if level:
        yield Block("heading", first, first, level)
        first += 1
    if first <= last:
        yield Block("code", first, last)
