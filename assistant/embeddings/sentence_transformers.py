"""Runs any sentence-transformers model in torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistant.embeddings.base import Embedder, Vectors, batches_by_length
from assistant.errors import ModelNotFoundError
from assistant.processes import core_count

_BATCH_TOKENS = 4096


class SentenceTransformersEmbedder(Embedder):
    """Embeds with a model given by name or folder, on the GPU if there is one.

    Raises:
        ModelNotFoundError: The model cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(model)
        except (OSError, ValueError) as error:
            raise ModelNotFoundError(
                f"embedder {model!r} cannot be loaded: {error}",
                expected="a sentence-transformers folder or a Hugging Face name",
                action="Set ASSISTANT_EMBEDDER, or download the model first.",
            ) from error
        torch.set_num_threads(min(torch.get_num_threads(), core_count()))
        prompts = self._model.prompts
        self.query_prefix = prompts.get("query", "")
        self.passage_prefix = prompts.get("document") or prompts.get("passage") or ""
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.max_tokens = int(self._model.max_seq_length or 512)
        first = next(iter(self._model.state_dict().values())).float().cpu().numpy()
        digest = hashlib.sha256(first.tobytes()).hexdigest()[:16]
        name = Path(model).name
        self.identity = f"{name}:{digest}:{self.query_prefix}:{self.passage_prefix}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens and prefix."""
        return self.token_counter()(texts)

    def token_counter(self) -> Callable[[Sequence[str]], list[int]]:
        """Return a counter that holds the tokenizer but not the model."""
        return _TokenCounter(self._model.tokenizer)

    def _encode_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        lengths = [min(length, self.max_tokens) for length in self.count_tokens(texts)]
        for positions in batches_by_length(lengths, _BATCH_TOKENS):
            vectors = self._model.encode(
                [texts[position] for position in positions],
                prompt="",
                batch_size=len(positions),
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            yield positions, np.asarray(vectors, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _TokenCounter:
    """Counts tokens with a tokenizer from transformers."""

    tokenizer: Any

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens and prefix."""
        if not texts:
            return []
        tokens = self.tokenizer(
            list(texts), add_special_tokens=False, truncation=False, verbose=False
        )
        return [len(ids) for ids in tokens["input_ids"]]
