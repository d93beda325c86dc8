"""What every embedder can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assistant.progress import Progress, silent

Vectors = NDArray[np.float32]


class Embedder(ABC):
    """Texts to vectors, with token counts and an identity.

    `langchain_embeddings.LangChainEmbeddings` offers one to LangChain's vector stores.

    Attributes:
        identity: Name and content hash of the model with its prefixes; an index made
            by one identity is never searched with another. It does not name precision
            or engine, whose vectors agree to a cosine of 0.999.
        dimension: Length of a vector.
        max_tokens: Longer texts are cut by the model; special tokens and prefix included.
        query_prefix: Put before each question.
        passage_prefix: Put before each passage.
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
        """`count_tokens` for another process, without the model where that is heavy."""
        return self.count_tokens

    @abstractmethod
    def _encode_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        """Yield batches: places in `texts`, and their normalised vectors (len, dimension)."""

    def load(self) -> None:
        """Load now what the first text would otherwise wait for; for programs that keep running."""
        self.encode_queries(["a"])

    def encode_passages(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """(n, dimension) float32, L2-normalised, in the order of `texts`; n may be 0."""
        return self._encode([self.passage_prefix + text for text in texts], progress)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """As `encode_passages`, for questions."""
        return self._encode([self.query_prefix + text for text in texts], silent)

    def passage_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        """`encode_passages` batch by batch, for callers that keep what is done."""
        return self._encode_batches([self.passage_prefix + text for text in texts])

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for places, batch in self._encode_batches(texts):
            vectors[places] = batch
            done += len(places)
            progress("embed", done, len(texts), "chunks")
        return vectors


def batches_by_length(
    lengths: Sequence[int], max_tokens: int, *, one_length: bool = False
) -> Iterator[list[int]]:
    """Places of texts, longest first, in batches of at most `max_tokens` after padding.

    Texts of like length share a batch, so that little is computed for padding. The
    longest come first, so that too little memory shows at once.

    Args:
        lengths: In tokens.
        max_tokens: A single longer text is a batch of its own.
        one_length: Have only texts of the same length in a batch.
    """
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    batch: list[int] = []
    for place in order:
        longest = lengths[batch[0]] if batch else 0
        full = (len(batch) + 1) * longest > max_tokens
        if batch and (full or (one_length and lengths[place] != longest)):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
