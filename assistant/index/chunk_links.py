"""Commit and link of a chunk, kept once for its source.

A new commit changes neither text nor vectors of most files. So chunks are stored without
it, with a mark in place of the address, and both are filled in when a chunk is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from assistant.documents import Chunk, Source
from assistant.index.manifest import SourceEntry
from assistant.sources import link_for

_PAGE = "{page}"
_LINES = f"{_PAGE}#{{lines}}"  # what stands behind "#" is dropped for converted documents


@dataclass(frozen=True, slots=True)
class Place:
    """What the chunks of a source have in common."""

    commit: str
    source: Source


def places_of(sources: Mapping[str, SourceEntry]) -> dict[str, Place]:
    """Source name -> place, from the manifest's `sources`."""
    return {
        name: Place(entry.commit, Source(name, link=entry.link)) for name, entry in sources.items()
    }


def has_link(source: Source, commit: str) -> bool:
    """Whether the source's files have addresses."""
    return bool(link_for(source, commit, "", 1, 1))


def mark(linked: bool) -> Callable[[int, int], str]:
    """What the splitter takes for the address of lines."""
    return lambda _start, _end: _LINES if linked else ""


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
