"""Splits one document into chunks, from the tree of its sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile

from assistant.documents import Chunk, LoadedDocument, SourceFile
from assistant.splitter.chunks import draft_chunks, finished, fitting
from assistant.splitter.measure import CountTokens, Measure
from assistant.splitter.sections import Section, section_tree
from assistant.splitter.spans import Span, break_section, noise_between

# Lines of a section that cost no more than this, and stand before its sub-sections, go with the
# first piece of those.
_SMALL_TOKENS = 40


def split(
    document: LoadedDocument,
    file: SourceFile,
    *,
    count_tokens: CountTokens,
    max_tokens: int,
    link: Callable[[int, int], str],
) -> list[Chunk]:
    """Break a document into chunks, in the order of its lines.

    A section that fits is one chunk, with the sections under it; neighbouring sections
    share a chunk where together they fit. Tables and code that fit stay whole. A text
    is exactly its lines, or a part of one line where the line had to be broken.

    Args:
        document: What a loader made of the file.
        file: Names source, path and commit.
        count_tokens: Tokens of each text, of the embedder that will read the chunks.
        max_tokens: No `embedded_text` is longer.
        link: Gives the address for a first and a last line; empty: the document's own.
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
    """Spans of the whole tree, from the deepest sections up; without recursion."""
    packed: dict[int, list[Span]] = {}
    for section in reversed(list(root.walk())):
        own = break_section(section.blocks, lines, section.path, measure)
        groups = [own, *(packed.pop(id(child)) for child in section.children)]
        packed[id(section)] = _merged([g for g in groups if g], bool(own), measure)
    return packed[id(root)]


def _merged(groups: Sequence[list[Span]], own_first: bool, measure: Measure) -> list[Span]:
    """Neighbours joined: whole sections that fit, and a lone heading with what follows it."""
    result: list[Span] = []
    whole = False  # whether the last span of `result` is all of its section
    for place, group in enumerate(groups):
        if result:
            last, first = result[-1], group[0]
            lead = own_first and place == 1 and whole  # the lines before the sub-sections
            lone = last.only_headings or (first.only_headings and len(group) == 1)
            lone |= lead and measure.cost(last.start, last.end) <= _SMALL_TOKENS
            under_first = last.only_headings or (lead and (lone or not last.path))
            joined = _joined(last, first, under_first, measure)
            both_whole = whole and len(group) == 1
            if joined and (lone or both_whole):
                result[-1:] = [joined, *group[1:]]
                whole = both_whole
                continue
            if last.only_headings and own_first and place == 1 and measure.shows(first.path):
                needed = len(result.pop().path)  # its title is in the context of what follows
                group = [  # noqa: PLW2901 (the same spans, with more context)
                    replace(span, needed=max(needed, span.needed)) for span in group
                ]
        result.extend(group)
        whole = len(group) == 1
    return result


def _joined(last: Span, first: Span, under_first: bool, measure: Measure) -> Span | None:
    """Both as one span, under the titles of `first` or those that they share.

    None where noise stands between, where a title would be lost, or where they do not fit.
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
