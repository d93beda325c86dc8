"""Embeds texts as vectors: (n, dimension) float32, L2-normalised.

Builds and queries use the same embedder. BERT-family encoders run in OpenVINO
(`openvino_embedder`), which is faster than torch on a CPU and does not load it; all other
sentence-transformers models run in sentence-transformers.
"""

from __future__ import annotations

from pathlib import Path

from assistant.embeddings.base import Embedder
from assistant.errors import ModelNotFoundError

__all__ = ["Embedder", "load_embedder"]


def load_embedder(model: Path | str) -> Embedder:
    """Load an embedder from a folder, or by its Hugging Face name.

    The prefixes of questions and passages are the model's own prompts.

    Args:
        model: A sentence-transformers folder, or a name that sentence-transformers accepts.

    Raises:
        ModelNotFoundError: The folder does not exist, or the model cannot be loaded.
    """
    from assistant.embeddings.openvino_embedder import OpenVinoEmbedder, runs_in_openvino

    if isinstance(model, Path) and not model.is_dir():
        raise ModelNotFoundError(
            f"there is no folder {model}",
            expected="an existing sentence-transformers folder",
            action="Set ASSISTANT_EMBEDDER to a folder or to a name in the catalogue.",
        )
    if isinstance(model, Path) and runs_in_openvino(model):
        return OpenVinoEmbedder(model)
    from assistant.embeddings.sentence_transformers import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder(str(model))
