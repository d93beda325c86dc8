"""The passages of one or several collections under consecutive numbers, their rows."""

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
    """Collections searched as one; neither files nor pages of two collections are the same.

    Args:
        collections: At least one. The rows of each follow those of the one before.
    """

    def __init__(self, collections: Sequence[Collection]) -> None:
        self.collections = tuple(collections)
        self.starts = [0, *accumulate(len(each.keywords) for each in collections)]

    def __len__(self) -> int:
        """Number of passages."""
        return self.starts[-1]

    @property
    def name(self) -> str:
        """Names of the collections."""
        return "+".join(collection.name for collection in self.collections)

    @property
    def sources(self) -> list[str]:
        """Names of all sources, each once."""
        return list(dict.fromkeys(name for each in self.collections for name in each.sources))

    def concepts(self, question: str) -> tuple[Concept, ...]:
        """The words of a question, with their translations."""
        return tuple(concepts(question, [each.keywords for each in self.collections]))

    def allowed(self, filters: SearchFilters | None) -> list[NDArray[np.bool_] | None]:
        """For each collection: (n,) which of its passages pass the filters; None: all do."""
        return [each.keywords.allowed(filters) for each in self.collections]

    def centres(self) -> list[LanguageCentres]:
        """For each collection: its languages' means, or those of the others where it has none."""
        own = [each.centres for each in self.collections]
        if len(own) == 1:
            return own
        return [
            each.centres.completed(own, each.keywords.languages, each.vectors.of)
            for each in self.collections
        ]

    def language(self, row: int) -> str:
        """Of a passage."""
        collection, own = self._find(row)
        return self.collections[collection].keywords.languages[own]

    def file(self, row: int) -> tuple[int, str, str]:
        """Number of the collection, source and path of a passage."""
        collection, own = self._find(row)
        return collection, *self.collections[collection].keywords.file(own)

    def position(self, row: int) -> PagePosition:
        """Where a passage stands in its page."""
        collection, own = self._find(row)
        position = self.collections[collection].keywords.position(own)
        return replace(position, page=position.page + self.starts[collection])  # pages <= passages

    def section(self, row: int) -> list[int]:
        """Rows of the section that a passage is part of, in order of lines."""
        collection, own = self._find(row)
        start = self.starts[collection]
        return [start + each for each in self.collections[collection].keywords.section(own)]

    def chunks(self, rows: Iterable[int]) -> dict[int, Chunk]:
        """Row -> chunk.

        Raises:
            IndexCorruptError: A collection does not have the text of a passage.
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
                why = f"it has no text of {', '.join(sorted(lacking))}"
                raise IndexCorruptError.of(f"the index {self.collections[collection].name}", why)
            found |= {row_of[identifier]: chunk for identifier, chunk in chunks.items()}
        return found

    def _find(self, row: int) -> tuple[int, int]:
        """Number of the collection that a row is of, and the row in it."""
        collection = bisect_right(self.starts, row) - 1
        return collection, row - self.starts[collection]
