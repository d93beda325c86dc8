"""Arranges a document's blocks in a tree of sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assistant.documents import Block, LoadedDocument
from assistant.language import has_words


@dataclass(slots=True)
class Section:
    """A heading and the blocks and sections below it.

    Attributes:
        path: Titles of the enclosing headings and its own, outermost first.
        level: Level of its heading; 0 for the document itself.
        blocks: Its heading, if any, and the blocks before the next heading.
        children: Its subsections, in order.
    """

    path: tuple[str, ...]
    level: int
    blocks: list[Block] = field(default_factory=list)
    children: list[Section] = field(default_factory=list)

    def walk(self) -> Iterator[Section]:
        """This section and all its descendants, in document order."""
        waiting = [self]
        while waiting:
            section = waiting.pop()
            yield section
            waiting.extend(reversed(section.children))


def section_tree(document: LoadedDocument, lines: Sequence[str]) -> Section:
    """Arrange a document in one root section; blocks without a word or number are dropped.

    A title that only the front matter has is placed above all headings. A heading without
    a title ends the previous section and adds nothing to the path.
    """
    first = next((block.title for block in document.blocks if block.kind == "heading"), "")
    own_title = document.title and document.title != first
    root = Section((document.title,) if own_title else (), 0)
    open_sections = [root]
    for block in document.blocks:
        if block.kind == "heading":
            while open_sections[-1].level >= block.level > 0:
                open_sections.pop()
            parent = open_sections[-1]
            path = (*parent.path, block.title) if block.title else parent.path
            section = Section(path, max(1, block.level))
            parent.children.append(section)
            open_sections.append(section)
        if any(map(has_words, lines[block.start_line - 1 : block.end_line])):
            open_sections[-1].blocks.append(block)
    return root
