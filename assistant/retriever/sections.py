"""Prepares hits for readers: rejoins split sections and drops near-duplicates."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.documents import Chunk
from assistant.keywords.words import words

_LARGEST = 3  # chunks in a section that is shown whole
_NUMBER = re.compile(r"(\d+)")
_SAME = 0.8  # share of common words above which two texts count as the same


def whole_sections(ranked: Sequence[int], section: Callable[[int], list[int]]) -> list[list[int]]:
    """Group rows into hits, in the order of each group's best row.

    If two or more chunks of a short section were found, the whole section becomes one hit.
    Long sections stay split.

    Args:
        ranked: Rows, best first.
        section: Row -> rows of its section, in line order.
    """
    found = set(ranked)
    groups: list[list[int]] = []
    done: set[int] = set()
    for row in ranked:
        if row in done:
            continue
        members = section(row)
        group = [row]
        if len(members) <= _LARGEST and sum(member in found for member in members) > 1:
            group = members
        done.update(group)
        groups.append(group)
    return groups


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Merge consecutive chunks of one section; the result has the ID of the first."""
    first, last = chunks[0], chunks[-1]
    if len(chunks) == 1:
        return first
    return replace(
        first,
        text="\n".join(chunk.text for chunk in chunks),
        end_line=last.end_line,
        url=_joined_url(first, last),
        token_count=sum(chunk.token_count for chunk in chunks),
    )


def _joined_url(first: Chunk, last: Chunk) -> str:
    """URL of the first chunk, extended to the last line of the last chunk.

    The URLs differ only in their line numbers: the first line, then the last.
    """
    numbers, others = _NUMBER.split(first.url), _NUMBER.split(last.url)
    if len(numbers) != len(others):
        return first.url
    differing = [place for place, text in enumerate(others) if text != numbers[place]]
    for place in differing[1:]:
        numbers[place] = others[place]
    return "".join(numbers)


def distinct(chunks: Sequence[Chunk]) -> list[int]:
    """Indices of the chunks that do not nearly repeat an earlier one, by Jaccard index."""
    kept: list[int] = []
    seen: list[frozenset[str]] = []
    for place, chunk in enumerate(chunks):
        own = frozenset(words(chunk.text))
        if all(len(own & other) < _SAME * len(own | other) for other in seen) or not own:
            kept.append(place)
            seen.append(own)
    return kept
