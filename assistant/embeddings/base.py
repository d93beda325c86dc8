"""The interface of embedders, and batching by length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(ABC):
    """Embeds texts, counts their tokens and identifies its model.

    `langchain_embeddings.LangChainEmbeddings` adapts an embedder to LangChain.

    Attributes:
        identity: Name and content hash of the model with its prefixes. An index built with
            one identity is never searched with another. Precision and engine are left out:
            their vectors agree to a cosine similarity of 0.999.
        dimension: Length of a vector.
        max_tokens: Length at which the model truncates texts, including special tokens and
            prefix.
        query_prefix: Prepended to each question.
        passage_prefix: Prepended to each passage.
    """

    identity: str
    dimension: int
    max_tokens: int
    query_prefix: str
    passage_prefix: str

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens and prefix."""

    def token_counter(self) -> Callable[[Sequence[str]], list[int]]:
        """Return `count_tokens` in a form for other processes, without a heavy model."""
        return self.count_tokens

    @abstractmethod
    def _encode_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        """Yield batches: positions in `texts`, and their normalised vectors (len, dimension)."""

    def load(self) -> None:
        """Load the model eagerly; for long-running programs."""
        self.encode_queries(["a"])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages.

        Returns:
            (n, dimension) float32, L2-normalised, in the order of `texts`; n may be 0.
        """
        return self._encode([self.passage_prefix + text for text in texts])

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions; the result is as for `encode_passages`."""
        return self._encode([self.query_prefix + text for text in texts])

    def passage_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        """Embed passages batch by batch, for callers that save intermediate results.

        Yields:
            Positions in `texts`, and their vectors: (len(positions), dimension) float32.
        """
        return self._encode_batches([self.passage_prefix + text for text in texts])

    def _encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for positions, batch in self._encode_batches(texts):
            vectors[positions] = batch
        return vectors


def batches_by_length(
    lengths: Sequence[int], max_tokens: int, *, one_length: bool = False
) -> Iterator[list[int]]:
    """Group texts of similar length, longest first, to waste little computation on padding.

    Starting with the longest texts makes a lack of memory show at once.

    Args:
        lengths: Length of each text in tokens.
        max_tokens: Most tokens in a padded batch; a longer text gets a batch to itself.
        one_length: Put only texts of equal length in a batch.

    Yields:
        The positions of the texts in a batch.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    batch: list[int] = []
    for position in order:
        longest = lengths[batch[0]] if batch else 0
        full = (len(batch) + 1) * longest > max_tokens
        if batch and (full or (one_length and lengths[position] != longest)):
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
