"""Passages that are searched together, from a version of the index or made in memory."""

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
        """Chunk id -> chunk; ids that are not there are left out."""
        ...


@dataclass(frozen=True, eq=False)
class Collection:
    """All that a search reads. A passage's row is the same in all parts.

    Attributes:
        name: Differs between collections that are searched together.
        sources: Names of the sources, also of those without passages.
        keywords: The words, and what is known of each passage without its text.
        vectors: Of the passages.
        centres: Means of the vectors by language.
        store: The passages themselves.
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
        """Make a collection without a file.

        Args:
            name: Differs from the names of collections that are searched with it.
            chunks: With different ids, in any order.
            vectors: (n, dimension) float32, L2-normalised, of the chunks in their order.
        """
        from assistant.keywords import KeywordIndex  # heavy

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
    """What a retriever asks for a collection before each search."""

    def current(self) -> AbstractContextManager[Collection]:
        """Lend the collection, which stays open until the context ends."""
        ...


@dataclass(frozen=True, slots=True)
class _MemoryStore:
    chunks: Mapping[str, Chunk]

    def get(self, identifiers: Iterable[str]) -> dict[str, Chunk]:
        return {each: self.chunks[each] for each in identifiers if each in self.chunks}
