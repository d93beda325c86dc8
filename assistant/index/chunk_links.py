"""Stores the commit and link of chunks once per source.

A new commit leaves the text and vectors of most files unchanged. Chunks are therefore stored
without the commit and with a placeholder for the address; both are filled in on reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from assistant.documents import Chunk, Source
from assistant.index.manifest import SourceEntry
from assistant.sources import link_for

_PAGE = "{page}"
_LINES = f"{_PAGE}#{{lines}}"  # converted documents drop the part from "#" onwards


def has_link(source: Source, commit: str) -> bool:
    """Whether the source's link template gives its files an address at this commit."""
    return bool(link_for(source.link, commit, "", 1, 1))


def mark(linked: bool) -> Callable[[int, int], str]:
    """Return the `link` function for the splitter, which gives placeholders for addresses."""
    return lambda _start, _end: _LINES if linked else ""


def filled_in(chunk: Chunk, sources: Mapping[str, SourceEntry]) -> Chunk:
    """Fill in the commit and address of a chunk; keep an address from its front matter."""
    entry = sources.get(chunk.source)
    if entry is None:
        return chunk
    url = chunk.url
    if url in (_PAGE, _LINES):
        address = link_for(entry.link, entry.commit, chunk.path, chunk.start_line, chunk.end_line)
        url = address if url == _LINES else address.partition("#")[0]
    return replace(chunk, commit=entry.commit, url=url)
