"""LangChain's `BaseRetriever` over the index; joins what this package has."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from numpy.typing import NDArray
from pydantic import ConfigDict, PrivateAttr

from assistant.documents import Evidence, SearchFilters, SearchHit
from assistant.embeddings import Embedder
from assistant.errors import FilterError, IndexCorruptError
from assistant.index import Manifest, OpenIndex
from assistant.language import language_of, readable
from assistant.retriever.candidates import Candidates, SearchableVersion
from assistant.retriever.evidence import weigh
from assistant.retriever.fusion import (
    RRF_CONSTANT,
    fold_translations,
    limit_per_file,
    reciprocal_rank_fusion,
)
from assistant.retriever.reranking import Reranker
from assistant.retriever.sections import distinct, joined, whole_sections

logger = logging.getLogger(__name__)

# The words of a question tell more than its vector in this field (docs/evaluation.md).
_DENSE_WEIGHT, _KEYWORD_WEIGHT = 0.7, 1.0
_RERANKED = 20  # hits that a reranker reads


@runtime_checkable
class HasCurrentVersion(Protocol):
    """What the retriever asks of an index."""

    def current(self) -> OpenIndex:
        """The version in use."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, best first, what speaks for their answering the question, and its vector.

    `manifest` and `version`, its name, are those of the version that was searched.
    """

    hits: tuple[SearchHit, ...]
    evidence: Evidence
    vector: NDArray[np.float32]
    manifest: Manifest
    version: str


class KnowledgeRetriever(BaseRetriever):
    """Vectors and words, fused; `search` gives hits with their scores, and the evidence."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: HasCurrentVersion
    embedder: Embedder
    k: int = 10
    reranker: Reranker | None = None
    _version: SearchableVersion | None = PrivateAttr(default=None)
    _refused: str | None = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def retrieve(
        self, question: str, k: int | None = None, filters: SearchFilters | None = None
    ) -> list[SearchHit]:
        """The hits of `search`."""
        return list(self.search(question, k, filters).hits)

    def search(
        self, question: str, k: int | None = None, filters: SearchFilters | None = None
    ) -> Found:
        """The `k` best hits, which are `k` different things, best first.

        A hit's score is that of the fused rankings as a share of the highest possible;
        of a reranker where there is one. Equal scores stand in order of address and line.

        Raises:
            FilterError: The index has no source of a name in `filters`.
            IndexCorruptError: Part of the index cannot be read.
        """
        question = readable(question)
        count = self.k if k is None else k
        version = self._current()
        _check(filters, version.manifest)
        vector = self.embedder.encode_queries([question])[0]
        try:
            candidates = version.candidates(question, vector, filters)
        except (KeyError, IndexError, ValueError) as error:
            raise IndexCorruptError(
                f"words and vectors of the index do not agree: {error}",
                expected="what one build wrote",
                action="Run: python scripts/build_index.py --rebuild",
            ) from error
        fused = fuse(candidates)
        evidence = weigh(candidates, list(fused), len(version.keywords))
        hits = self._hits(version, question, fused, max(count, self._depth()))
        if self.reranker is not None:
            hits = self._reranked(self.reranker, question, hits)
        return Found(tuple(hits[:count]), evidence, vector, version.manifest, version.name)

    @property
    def manifest(self) -> Manifest:
        """Of the version in use."""
        return self._current().manifest

    def _depth(self) -> int:
        return _RERANKED if self.reranker is not None else 0

    def _hits(
        self,
        version: SearchableVersion,
        question: str,
        fused: dict[int, float],
        count: int,
    ) -> list[SearchHit]:
        keywords = version.keywords
        own = language_of(question)
        folded = fold_translations(
            fused, keywords.place, keywords.file, keywords.languages.__getitem__, own
        )
        rows = limit_per_file(folded, keywords.file)[: count * 2]
        groups = whole_sections(rows, keywords.section)
        chunks = version.store.get(keywords.ids[row] for group in groups for row in group)
        texts = [joined([chunks[keywords.ids[row]] for row in group]) for group in groups]
        highest = (_DENSE_WEIGHT + _KEYWORD_WEIGHT) / (RRF_CONSTANT + 1)
        return [
            SearchHit(texts[place], _score(folded, groups[place]) / highest, rank)
            for rank, place in enumerate(distinct(texts)[:count], start=1)
        ]

    @staticmethod
    def _reranked(reranker: Reranker, question: str, hits: list[SearchHit]) -> list[SearchHit]:
        scores = reranker.scores(question, [hit.chunk for hit in hits])
        order = sorted(range(len(hits)), key=lambda place: (-scores[place], place))
        return [
            SearchHit(hits[place].chunk, scores[place], rank)
            for rank, place in enumerate(order, start=1)
        ]

    def _current(self) -> SearchableVersion:
        """The version in use; the one before where a new one is damaged."""
        before = self._version  # is closed, if it has to be, when the lock is free again
        with self._lock:
            opened = self.index.current()
            if opened.name not in (self._refused, self._version and self._version.name):
                try:
                    self._version = SearchableVersion(opened)
                except IndexCorruptError as error:
                    if self._version is None:
                        raise
                    self._refused = opened.name
                    logger.warning("the new index cannot be used, the old one stays: %s", error)
            version = self._version
        del before
        assert version is not None
        return version

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filters: SearchFilters | None = None,
    ) -> list[Document]:
        return [as_document(hit) for hit in self.retrieve(query, k, filters)]


def _check(filters: SearchFilters | None, manifest: Manifest) -> None:
    unknown = sorted(set(filters.sources) - manifest.sources.keys()) if filters else []
    if unknown:
        raise FilterError(
            f"the knowledge base has no source {', '.join(unknown)}",
            expected=f"some of {', '.join(manifest.sources)}",
            action="Choose other sources, or none to search in all.",
        )


def fuse(candidates: Candidates) -> dict[int, float]:
    """Row -> score of both rankings together, best first."""
    rankings = [candidates.dense.tolist(), candidates.keyword.tolist()]
    return reciprocal_rank_fusion(rankings, (_DENSE_WEIGHT, _KEYWORD_WEIGHT))


def _score(folded: dict[int, float], rows: Sequence[int]) -> float:
    return max(folded.get(row, 0.0) for row in rows)


def as_document(hit: SearchHit) -> Document:
    """A hit as LangChain's `Document`; metadata holds the fields of the chunk, score and rank."""
    chunk = hit.chunk
    metadata = {
        "source": chunk.address,
        "heading": list(chunk.heading),
        "start_line": chunk.start_line,
        "end_line": chunk.end_line,
        "commit": chunk.commit,
        "url": chunk.url,
        "language": chunk.language,
        "score": hit.score,
        "rank": hit.rank,
    }
    return Document(id=chunk.id, page_content=chunk.text, metadata=metadata)
