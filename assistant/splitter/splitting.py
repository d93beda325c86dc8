"""Splits a document into chunks along its tree of sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile

from assistant.documents import Chunk, LoadedDocument, SourceFile
from assistant.splitter.chunks import draft_chunks, finished, fitting
from assistant.splitter.measure import CountTokens, Measure
from assistant.splitter.sections import Section, section_tree
from assistant.splitter.spans import Span, break_section, noise_between

# Text before the first subsection joins that subsection's first chunk if it is no longer than this.
_SMALL_TOKENS = 40


def split(
    document: LoadedDocument,
    file: SourceFile,
    *,
    count_tokens: CountTokens,
    max_tokens: int,
    link: Callable[[int, int], str],
) -> list[Chunk]:
    """Split a document into chunks, in document order.

    A section that fits, including its subsections, becomes one chunk; neighbouring sections
    share a chunk if they fit together. Tables and code that fit stay whole. The text of a
    chunk is exactly its lines, or part of one line if that line had to be broken.

    Args:
        document: The loaded file.
        file: Provides source, path and commit.
        count_tokens: Counts the tokens of each text with the embedder's tokenizer.
        max_tokens: Most tokens in the `embedded_text` of a chunk.
        link: Returns the address of a first and last line; if empty, the document's own
            address is used.

    Returns:
        The chunks; empty for a document without blocks.
    """
    lines = document.text.split("\n")
    if not document.blocks:
        return []
    root = section_tree(document, lines)
    paths = [section.path for section in root.walk()]
    measure = Measure(lines, file.source.name, paths, count_tokens, max_tokens)
    spans = _pack(root, lines, measure)
    drafts = draft_chunks(spans, lines, measure, count_tokens, document, file)
    return finished(fitting(drafts, count_tokens, max_tokens), document, link)


def _pack(root: Section, lines: Sequence[str], measure: Measure) -> list[Span]:
    """Pack the whole tree into spans, from the deepest sections up, without recursion."""
    packed: dict[int, list[Span]] = {}
    for section in reversed(list(root.walk())):
        own = break_section(section.blocks, lines, section.path, measure)
        groups = [own, *(packed.pop(id(child)) for child in section.children)]
        packed[id(section)] = _merged([g for g in groups if g], bool(own), measure)
    return packed[id(root)]


def _merged(groups: Sequence[list[Span]], own_first: bool, measure: Measure) -> list[Span]:
    """Join neighbours: whole sections that fit, and lone headings with the text after them."""
    result: list[Span] = []
    whole = False  # whether the last span of `result` is an entire section
    for number, group in enumerate(groups):
        if result:
            last, first = result[-1], group[0]
            lead = own_first and number == 1 and whole  # the lines before the subsections
            lone = last.only_headings or (first.only_headings and len(group) == 1)
            lone |= lead and measure.cost(last.start, last.end) <= _SMALL_TOKENS
            under_first = last.only_headings or (lead and (lone or not last.path))
            joined = _joined(last, first, under_first, measure)
            both_whole = whole and len(group) == 1
            if joined and (lone or both_whole):
                result[-1:] = [joined, *group[1:]]
                whole = both_whole
                continue
            if last.only_headings and own_first and number == 1 and measure.shows(first.path):
                needed = len(result.pop().path)  # its title is in the context of what follows
                group = [  # noqa: PLW2901 (the same spans, with more context)
                    replace(span, needed=max(needed, span.needed)) for span in group
                ]
        result.extend(group)
        whole = len(group) == 1
    return result


def _joined(last: Span, first: Span, under_first: bool, measure: Measure) -> Span | None:
    """Join two spans under the titles of `first` or those that both share.

    Returns:
        The joined span; None if noise separates them, if a title would be lost or if they do
        not fit.
    """
    if noise_between(last.end, first.start, measure):
        return None
    path = first.path
    if not under_first:
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(last.path, first.path, strict=False))
        path = tuple(title for title, _ in pairs)
    needed = max(last.needed, first.needed)
    if len(path) < needed:
        return None
    only_headings = last.only_headings and first.only_headings
    joined = Span(last.start, first.end, path, only_headings, first.columns, needed)
    return joined if measure.fits(joined.start, joined.end, path) else None
