"""Adapts an embedder to LangChain's `Embeddings`, for code outside this package.

The assistant itself calls `Embedder` directly, so that builds do not load LangChain.
"""

from __future__ import annotations

from typing import Any

from langchain_core.embeddings import Embeddings

from assistant.embeddings.base import Embedder, Vectors


class LangChainEmbeddings(Embeddings):
    """An embedder for LangChain's vector stores and chains."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed passages, with the passage prefix."""
        return _as_lists(self._embedder.encode_passages(texts))

    def embed_query(self, text: str) -> list[float]:
        """Embed one question, with the query prefix."""
        return _as_lists(self._embedder.encode_queries([text]))[0]


def _as_lists(vectors: Vectors) -> list[list[float]]:
    rows: list[Any] = vectors.tolist()
    return rows
