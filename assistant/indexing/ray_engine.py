"""Embeds passages on a Ray cluster.

Each worker is an actor that holds the model. The vectors are the same as without Ray, since
the embedder itself forms the batches. If an actor's process dies, Ray restarts it and resubmits
the lost batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from assistant.embeddings.base import Embedder, Vectors
from assistant.errors import SettingsError
from assistant.indexing.embedding_cache import Encode

RAY_REQUIREMENT = "ray[data]>=2.60,<3"
RAY_WINDOW = 20_000  # chunks; actors are started for each window of a build
_PIECE = 256  # texts per task


class _Worker:
    """An embedder in a Ray process."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def __call__(self, piece: dict[str, Any]) -> dict[str, Any]:
        texts = [str(text) for text in piece["text"]]
        vectors = np.zeros((len(texts), self._embedder.dimension), dtype=np.float32)
        for positions, batch in self._embedder.passage_batches(texts):
            vectors[positions] = batch
        return {"position": piece["position"], "vector": vectors}


def on_ray(embedder: Embedder, workers: int) -> Encode:
    """Return a replacement for `embedder.passage_batches` that runs on Ray.

    Args:
        embedder: Sent to the workers, which load tokenizer and weights themselves.
        workers: Number of actors; 0 for one per processor of the cluster.

    Raises:
        SettingsError: Ray is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise SettingsError(
            "--engine is ray, and Ray is not installed",
            expected=RAY_REQUIREMENT,
            action=f"Run: pip install '{RAY_REQUIREMENT}'",
        ) from error

    def encode(texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        if not ray.is_initialized():
            ray.init(log_to_driver=False, include_dashboard=False, logging_level="WARNING")
        ray.data.DataContext.get_current().enable_progress_bars = False
        size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = [{"position": position, "text": text} for position, text in enumerate(texts)]
        pieces = max(1, min(len(rows), -(-len(rows) // _PIECE)))
        embedded = (
            ray.data.from_items(rows, override_num_blocks=pieces)
            .map_batches(
                _Worker,
                fn_constructor_args=(embedder,),
                batch_size=None,
                num_cpus=1,
                compute=ray.data.ActorPoolStrategy(size=size),
            )
            .iter_batches(batch_size=None)
        )
        for batch in embedded:
            yield [int(position) for position in batch["position"]], np.stack(batch["vector"])

    return encode
