"""Hits as a reader wants them: whole sections, each text once; knows nothing of scores."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.documents import Chunk
from assistant.keywords.words import words

_LARGEST = 3  # chunks of a section that is shown whole
_NUMBER = re.compile(r"(\d+)")
_SAME = 0.8  # share of common words from which two texts are taken for one


def whole_sections(ranked: Sequence[int], section: Callable[[int], list[int]]) -> list[list[int]]:
    """Groups of rows, each shown as one hit, in the order of their first members.

    Where two or more of the chunks that a short section was broken into were found, the
    whole section is one hit. Long sections stay broken.
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
    """Consecutive chunks of one section as one, under the first one's id."""
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
    """The first chunk's address, up to the last one's last line.

    Both addresses differ in the numbers of lines only: of the first line, then of the last.
    """
    numbers, others = _NUMBER.split(first.url), _NUMBER.split(last.url)
    if len(numbers) != len(others):
        return first.url
    differing = [place for place, text in enumerate(others) if text != numbers[place]]
    for place in differing[1:]:
        numbers[place] = others[place]
    return "".join(numbers)


def distinct(chunks: Sequence[Chunk]) -> list[int]:
    """Places of chunks whose text is not nearly that of one before, by Jaccard's index."""
    kept: list[int] = []
    seen: list[frozenset[str]] = []
    for place, chunk in enumerate(chunks):
        own = frozenset(words(chunk.text))
        if all(len(own & other) < _SAME * len(own | other) for other in seen) or not own:
            kept.append(place)
            seen.append(own)
    return kept
