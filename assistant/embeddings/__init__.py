"""Texts to vectors: (n, dimension) float32, L2-normalised.

One embedder serves build and query alike. Encoders of the BERT family run in
OpenVINO (`openvino_embedder`), which is faster than torch on a CPU and starts without
it; every other sentence-transformers model runs in sentence-transformers.
"""

from __future__ import annotations

from pathlib import Path

from assistant.embeddings.base import Embedder
from assistant.errors import ModelNotFoundError

__all__ = ["Embedder", "load_embedder"]


def load_embedder(model: Path | str) -> Embedder:
    """Load an embedder from a folder, or by its Hugging Face name.

    What is put before questions and passages, if anything, are the model's own prompts.

    Args:
        model: A sentence-transformers folder, or a name that sentence-transformers knows.

    Raises:
        ModelNotFoundError: There is no such folder, or it holds no such model.
    """
    from assistant.embeddings.openvino_embedder import OpenVinoEmbedder, runs_in_openvino

    if isinstance(model, Path) and not model.is_dir():
        raise ModelNotFoundError(
            f"there is no folder {model}",
            expected="a sentence-transformers folder",
            action="Set ASSISTANT_EMBEDDER to a folder or to a name in the catalogue.",
        )
    if isinstance(model, Path) and runs_in_openvino(model):
        return OpenVinoEmbedder(model)
    from assistant.embeddings.sentence_transformers import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder(str(model))
