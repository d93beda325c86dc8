"""Documents in windows of bounded size."""

from __future__ import annotations

import pytest

from assistant.documents import Chunk
from assistant.indexing.changes import VersionDocument, windows


def document(name: str, chunks: int, copied: int) -> VersionDocument:
    made = [Chunk(f"{name}{n}", "t", "s", name, (), n, n, "", "", "en", 1) for n in range(chunks)]
    return VersionDocument(
        f"s/{name}", "", made, frozenset(chunk.id for chunk in made[:copied]), None
    )


def sizes(documents: list[VersionDocument], size: int) -> list[int]:
    return [sum(len(d.chunks) for d in window) for window in windows(documents, size)]


def test_fresh_documents_are_grouped_by_what_is_to_be_written() -> None:
    assert sizes([document(str(n), 3, 0) for n in range(10)], 6) == [6] * 5
    assert sizes([document(str(n), 3, 2) for n in range(10)], 6) == [18, 12]


@pytest.mark.parametrize("copied", [100, 1000])
def test_what_was_copied_does_not_pile_up_and_does_not_change_the_groups(copied: int) -> None:
    """Groups of fresh chunks decide what is embedded together, and so the last bits of vectors."""
    same = [document(f"same{n}", 1, 1) for n in range(copied)]
    fresh = [document(f"fresh{n}", 4, 0) for n in range(20)]
    groups = list(windows([*same, *fresh], 16))
    assert max(sum(len(d.chunks) for d in window) for window in groups) <= 2 * 16
    new = [sum(d.new for d in window) for window in groups]
    assert [count for count in new if count] == [16] * 5
