"""Stores the commit and link of chunks once per source.

A new commit leaves the text and vectors of most files unchanged. Chunks are therefore stored
without the commit and with a placeholder for the address; both are filled in on reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from assistant.documents import Chunk, Source
from assistant.index.manifest import SourceEntry
from assistant.sources import link_for

_PAGE = "{page}"
_LINES = f"{_PAGE}#{{lines}}"  # converted documents drop the part from "#" onwards


@dataclass(frozen=True, slots=True)
class Place:
    """Commit and link template that the chunks of a source share."""

    commit: str
    source: Source


def places_of(sources: Mapping[str, SourceEntry]) -> dict[str, Place]:
    """Source name -> place, from the manifest's `sources`."""
    return {
        name: Place(entry.commit, Source(name, link=entry.link)) for name, entry in sources.items()
    }


def has_link(source: Source, commit: str) -> bool:
    """Whether the source's link template gives its files an address at this commit."""
    return bool(link_for(source, commit, "", 1, 1))


def mark(linked: bool) -> Callable[[int, int], str]:
    """Return the `link` function for the splitter, which gives placeholders for addresses."""
    return lambda start, end: _LINES if linked else ""


def filled_in(chunk: Chunk, places: Mapping[str, Place]) -> Chunk:
    """The chunk with commit and address; an address from its document's front matter stays."""
    place = places.get(chunk.source)
    if place is None:
        return chunk
    url = chunk.url
    if url in (_PAGE, _LINES):
        address = link_for(place.source, place.commit, chunk.path, chunk.start_line, chunk.end_line)
        url = address if url == _LINES else address.partition("#")[0]
    return replace(chunk, commit=place.commit, url=url)
