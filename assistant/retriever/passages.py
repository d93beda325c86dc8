"""Numbers the passages of one or more collections consecutively; the numbers are "rows"."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from assistant.documents import Chunk, SearchFilters
from assistant.errors import IndexCorruptError
from assistant.index import Collection
from assistant.index.language_centres import LanguageCentres
from assistant.keywords import PagePosition
from assistant.keywords.concepts import Concept, concepts


class Passages:
    """Collections searched as one; files and pages are never shared between collections.

    Args:
        collections: At least one. Rows are numbered in this order.
    """

    def __init__(self, collections: Sequence[Collection]) -> None:
        self.collections = tuple(collections)
        self.starts = [0, *accumulate(len(each.keywords) for each in collections)]

    def __len__(self) -> int:
        """Number of passages."""
        return self.starts[-1]

    @property
    def name(self) -> str:
        """Names of the collections, joined by "+"."""
        return "+".join(collection.name for collection in self.collections)

    @property
    def sources(self) -> list[str]:
        """Names of all sources, without duplicates."""
        return list(dict.fromkeys(name for each in self.collections for name in each.sources))

    def concepts(self, question: str) -> tuple[Concept, ...]:
        """The words of a question, with their translations."""
        return tuple(concepts(question, [each.keywords for each in self.collections]))

    def allowed(self, filters: SearchFilters | None) -> list[NDArray[np.bool_] | None]:
        """For each collection, a mask (n,) of passages that pass the filters; None: all pass."""
        return [each.keywords.allowed(filters) for each in self.collections]

    def centres(self) -> list[LanguageCentres]:
        """Mean vectors of the languages of each collection, completed from the others."""
        own = [each.centres for each in self.collections]
        if len(own) == 1:
            return own
        return [
            each.centres.completed(own, each.keywords.languages, each.vectors.of)
            for each in self.collections
        ]

    def language(self, row: int) -> str:
        """Language of a passage."""
        collection, own = self._find(row)
        return self.collections[collection].keywords.languages[own]

    def file(self, row: int) -> tuple[int, str, str]:
        """Collection number, source and path of a passage."""
        collection, own = self._find(row)
        return collection, *self.collections[collection].keywords.file(own)

    def position(self, row: int) -> PagePosition:
        """Page of a passage and its position there."""
        collection, own = self._find(row)
        position = self.collections[collection].keywords.position(own)
        return replace(position, page=position.page + self.starts[collection])  # pages <= passages

    def section(self, row: int) -> list[int]:
        """Rows of the section that contains a passage, in line order."""
        collection, own = self._find(row)
        start = self.starts[collection]
        return [start + each for each in self.collections[collection].keywords.section(own)]

    def chunks(self, rows: Iterable[int]) -> dict[int, Chunk]:
        """Row -> chunk.

        Raises:
            IndexCorruptError: A collection lacks the text of a passage.
        """
        wanted: dict[int, dict[str, int]] = {}
        for row in rows:
            collection, own = self._find(row)
            ids = self.collections[collection].keywords.ids
            wanted.setdefault(collection, {})[ids[own]] = row
        found: dict[int, Chunk] = {}
        for collection, row_of in wanted.items():
            chunks = self.collections[collection].store.get(row_of)
            if lacking := row_of.keys() - chunks.keys():
                why = f"it lacks the text of {', '.join(sorted(lacking))}"
                raise IndexCorruptError.of(f"the index {self.collections[collection].name}", why)
            found |= {row_of[identifier]: chunk for identifier, chunk in chunks.items()}
        return found

    def _find(self, row: int) -> tuple[int, int]:
        """Collection number of a row, and the row within that collection."""
        collection = bisect_right(self.starts, row) - 1
        return collection, row - self.starts[collection]
