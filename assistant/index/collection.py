"""Collections of passages that are searched together, from an index version or in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.index.exact_vectors import ExactVectors
from assistant.index.language_centres import LanguageCentres
from assistant.index.nearest import NearestRows

if TYPE_CHECKING:
    from assistant.keywords import KeywordIndex

_Self = TypeVar("_Self", bound="Collection")


class HasChunks(Protocol):
    """Chunks by id."""

    def get(self, identifiers: Iterable[str]) -> dict[str, Chunk]:
        """Chunk id -> chunk; unknown ids are omitted."""
        ...


@dataclass(frozen=True, eq=False)
class Collection:
    """The data for searching; a passage has the same row in all parts.

    Attributes:
        name: Unique among collections that are searched together.
        sources: Names of the sources, including those without passages.
        keywords: The keyword index, with the metadata of each passage.
        vectors: Vectors of the passages.
        centres: Mean vectors by language.
        store: The passages with their text.
    """

    name: str
    sources: tuple[str, ...]
    keywords: KeywordIndex
    vectors: NearestRows
    centres: LanguageCentres
    store: HasChunks

    def current(self: _Self) -> AbstractContextManager[_Self]:
        """Lend the collection itself, which stays open until its owner closes it."""
        return nullcontext(self)

    @classmethod
    def in_memory(cls, name: str, chunks: Sequence[Chunk], vectors: Vectors) -> Collection:
        """Create a collection that is not stored on disk.

        Args:
            name: Unique among collections that are searched together.
            chunks: Chunks with unique ids, in any order.
            vectors: (n, dimension) float32, L2-normalised, in the order of `chunks`.
        """
        from assistant.keywords import KeywordIndex  # slow to import

        keywords = KeywordIndex.from_chunks(chunks)
        position = {chunk.id: number for number, chunk in enumerate(chunks)}
        ordered = vectors[[position[identifier] for identifier in keywords.ids]]
        return cls(
            name=name,
            sources=tuple(dict.fromkeys(chunk.source for chunk in chunks)),
            keywords=keywords,
            vectors=ExactVectors(ordered),
            centres=LanguageCentres.of(keywords.languages, vectors.shape[1], lambda: [ordered]),
            store=_MemoryStore({chunk.id: chunk for chunk in chunks}),
        )


@runtime_checkable
class LendsCollection(Protocol):
    """An object from which a retriever borrows a collection for each search."""

    def current(self) -> AbstractContextManager[Collection]:
        """Lend the collection, which stays open until the context ends."""
        ...


@dataclass(frozen=True, slots=True)
class _MemoryStore:
    chunks: Mapping[str, Chunk]

    def get(self, identifiers: Iterable[str]) -> dict[str, Chunk]:
        return {each: self.chunks[each] for each in identifiers if each in self.chunks}
