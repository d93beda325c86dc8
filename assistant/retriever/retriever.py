"""LangChain `BaseRetriever` over the index, combining the steps of this package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from numpy.typing import NDArray
from pydantic import ConfigDict

from assistant.documents import Evidence, SearchFilters, SearchHit
from assistant.embeddings import Embedder
from assistant.errors import FilterError, IndexCorruptError
from assistant.index import LendsCollection, Manifest, OpenVersion
from assistant.language import language_of, readable
from assistant.retriever.candidates import Candidates, candidates
from assistant.retriever.evidence import weigh
from assistant.retriever.fusion import (
    RRF_CONSTANT,
    fold_translations,
    limit_per_file,
    reciprocal_rank_fusion,
)
from assistant.retriever.passages import Passages
from assistant.retriever.reranking import Reranker
from assistant.retriever.sections import distinct, joined, whole_sections

# In this field, words find more than vectors do (docs/evaluation.md).
_DENSE_WEIGHT, _KEYWORD_WEIGHT = 0.7, 1.0
_RERANKED = 20  # hits passed to the reranker


@runtime_checkable
class LendsVersion(Protocol):
    """An index as the retriever uses it."""

    def current(self) -> AbstractContextManager[OpenVersion]:
        """Lend the version in use, which stays open until the context ends."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Results of a search.

    Attributes:
        hits: Best first.
        evidence: How well the passages cover the question.
        vector: Embedding of the question, (dimension,).
        manifest: Manifest of the index version that was searched.
        version: Names of that version and of further collections searched, joined by "+".
    """

    hits: tuple[SearchHit, ...]
    evidence: Evidence
    vector: NDArray[np.float32]
    manifest: Manifest
    version: str


class KnowledgeRetriever(BaseRetriever):
    """Hybrid retrieval by vectors and words; `search` returns hits with scores and evidence.

    Attributes:
        index: Lends the version of the index in use.
        embedder: The embedder that all collections were built with.
        k: Default number of hits.
        reranker: Reorders the best hits; None: keep the fused order.
        also: Further collections, searched together with the index as one.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: LendsVersion
    embedder: Embedder
    k: int = 10
    reranker: Reranker | None = None
    also: tuple[LendsCollection, ...] = ()

    def retrieve(
        self, question: str, k: int | None = None, filters: SearchFilters | None = None
    ) -> list[SearchHit]:
        """The hits of `search`, best first."""
        return list(self.search(question, k, filters).hits)

    def search(
        self, question: str, k: int | None = None, filters: SearchFilters | None = None
    ) -> Found:
        """Find the `k` best hits, without near-duplicates, best first.

        A hit's score is its fused score as a share of the highest possible one, or the
        reranker's score. Ties are ordered by address and line.

        Args:
            question: The question's text.
            k: Number of hits; None: the default.
            filters: Limits on the search.

        Raises:
            FilterError: No collection has a source named in `filters`.
            IndexCorruptError: Part of the index cannot be read.
        """
        question = readable(question)
        count = self.k if k is None else k
        with self._searched() as (version, passages):
            _check(filters, passages)
            vector = self.embedder.encode_queries([question])[0]
            try:
                found = candidates(passages, question, vector, filters)
            except (KeyError, IndexError, ValueError) as error:
                why = f"keywords and vectors do not match: {error}"
                raise IndexCorruptError.of(f"the index {passages.name}", why) from error
            fused = fuse(found)
            evidence = weigh(found, list(fused), len(passages))
            hits = self._hits(passages, question, fused, max(count, self._depth()))
            if self.reranker is not None:
                hits = self._reranked(self.reranker, question, hits)
            return Found(tuple(hits[:count]), evidence, vector, version.manifest, passages.name)

    @property
    def manifest(self) -> Manifest:
        """Manifest of the version in use."""
        with self.index.current() as version:
            return version.manifest

    @contextmanager
    def _searched(self) -> Iterator[tuple[OpenVersion, Passages]]:
        """Lend the version in use and all passages, for one question."""
        with ExitStack() as leases:
            version = leases.enter_context(self.index.current())
            others = [leases.enter_context(lender.current()) for lender in self.also]
            yield version, Passages([version, *others])

    def _depth(self) -> int:
        return _RERANKED if self.reranker is not None else 0

    @staticmethod
    def _hits(
        passages: Passages, question: str, fused: dict[int, float], count: int
    ) -> list[SearchHit]:
        own = language_of(question)
        folded = fold_translations(fused, passages.position, passages.file, passages.language, own)
        rows = limit_per_file(folded, passages.file)[: count * 2]
        groups = whole_sections(rows, passages.section)
        chunks = passages.chunks(row for group in groups for row in group)
        texts = [joined([chunks[row] for row in group]) for group in groups]
        highest = (_DENSE_WEIGHT + _KEYWORD_WEIGHT) / (RRF_CONSTANT + 1)
        return [
            SearchHit(texts[number], _score(folded, groups[number]) / highest, rank)
            for rank, number in enumerate(distinct(texts)[:count], start=1)
        ]

    @staticmethod
    def _reranked(reranker: Reranker, question: str, hits: list[SearchHit]) -> list[SearchHit]:
        scores = reranker.scores(question, [hit.chunk for hit in hits])
        order = sorted(range(len(hits)), key=lambda place: (-scores[place], place))
        return [
            SearchHit(hits[place].chunk, scores[place], rank)
            for rank, place in enumerate(order, start=1)
        ]

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 (LangChain's signature)
        k: int | None = None,
        filters: SearchFilters | None = None,
    ) -> list[Document]:
        return [as_document(hit) for hit in self.retrieve(query, k, filters)]


def _check(filters: SearchFilters | None, passages: Passages) -> None:
    sources = passages.sources
    unknown = sorted(set(filters.sources).difference(sources)) if filters else []
    if unknown:
        raise FilterError(
            f"the knowledge base has no source {', '.join(unknown)}",
            expected=f"one or more of {', '.join(sources)}",
            action="Choose other sources, or none to search them all.",
        )


def fuse(found: Candidates) -> dict[int, float]:
    """Row -> fused score of both rankings, best first."""
    rankings = [found.dense.tolist(), found.keyword.tolist()]
    return reciprocal_rank_fusion(rankings, (_DENSE_WEIGHT, _KEYWORD_WEIGHT))


def _score(folded: dict[int, float], rows: Sequence[int]) -> float:
    return max(folded.get(row, 0.0) for row in rows)


def as_document(hit: SearchHit) -> Document:
    """A hit as a LangChain `Document`; its metadata holds the chunk's fields, score and rank."""
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
