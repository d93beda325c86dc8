"""Optional reranking of hits by a cross-encoder; slow without a GPU.

A cross-encoder reads the question together with each passage, unlike precomputed vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from assistant.documents import Chunk
from assistant.errors import ModelNotFoundError


@runtime_checkable
class Reranker(Protocol):
    """Scores passages for a question; higher is better."""

    def scores(self, question: str, chunks: Sequence[Chunk]) -> list[float]:
        """One score for each chunk, in the given order."""
        ...


class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder, such as BAAI/bge-reranker-v2-m3."""

    def __init__(self, folder: Path) -> None:
        """Load the model in a folder.

        Raises:
            ModelNotFoundError: The folder has no cross-encoder with a single output score.
        """
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(str(folder), local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelNotFoundError(
                f"the reranker in {folder} cannot be loaded: {error}",
                expected="a sentence-transformers cross-encoder",
                action="Correct ASSISTANT_RERANKER, or leave it empty.",
            ) from error
        if self._model.num_labels != 1:
            raise ModelNotFoundError(
                f"the reranker in {folder} gives {self._model.num_labels} scores per passage",
                expected="a cross-encoder with one score",
                action="Correct ASSISTANT_RERANKER, or leave it empty.",
            )

    def scores(self, question: str, chunks: Sequence[Chunk]) -> list[float]:
        """One score for each chunk, in the given order."""
        pairs = [(question, chunk.embedded_text) for chunk in chunks]
        return [float(score) for score in self._model.predict(pairs, show_progress_bar=False)]
