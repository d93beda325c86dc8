"""Runs BERT-family encoders in OpenVINO."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assistant.embeddings.base import Embedder, Vectors, batches_by_length
from assistant.embeddings.pooling import pooling_of
from assistant.processes import core_count

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BATCH_TOKENS = 2048  # larger batches are not faster on two cores (docs/decisions.md)
# Lengths are padded to multiples, since a new shape costs milliseconds; a batch has one padded
# length, so that the vector of a text does not depend on the other texts in its batch.
_LENGTH_STEP = 16
MODEL_TYPES = ("bert", "roberta", "xlm-roberta")
_AHEAD = 2  # inference requests: one runs while the next is prepared


def runs_in_openvino(folder: Path) -> bool:
    """Whether the folder holds a BERT-family encoder that `encoder_graph` can build."""
    needed = ("config.json", "tokenizer.json", "model.safetensors")
    if not all((folder / name).is_file() for name in needed):
        return False
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return (
        config.get("model_type") in MODEL_TYPES
        and config.get("hidden_act", "gelu") == "gelu"
        and pooling_of(folder) in ("mean", "cls")
    )


def multiplies_bfloat16(core: Any) -> bool:
    """Whether the processor multiplies bfloat16 natively.

    Args:
        core: An `openvino.Core`.
    """
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoEmbedder(Embedder):
    """Embeds with the encoder in a sentence-transformers folder; loads it on first use.

    Products use bfloat16 if the processor supports it (AMX, AVX512_BF16), otherwise float32.
    The vectors of both agree to a cosine similarity of 0.9999, so `identity` omits the
    precision: an index built on one machine can be searched on any other.
    """

    def __init__(self, folder: Path) -> None:
        prompts = _read_json(folder / "config_sentence_transformers.json").get("prompts", {})
        self.query_prefix = prompts.get("query", "")
        self.passage_prefix = prompts.get("document", prompts.get("passage", ""))
        config = _read_json(folder / "config.json")
        self.dimension = config["hidden_size"]
        limit = _read_json(folder / "sentence_bert_config.json").get("max_seq_length")
        self.max_tokens = limit or config["max_position_embeddings"]
        self.identity = (
            f"{folder.name}:{_fingerprint(folder)}:{self.query_prefix}:{self.passage_prefix}"
        )
        self._folder = folder
        self._threads = core_count()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens and prefix."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for another process, which loads tokenizer and weights itself."""
        loaded = ("_tokenizer", "_checkpoint", "_model")
        return {name: value for name, value in self.__dict__.items() if name not in loaded}

    @cached_property
    def _checkpoint(self) -> Any:
        from assistant.embeddings.encoder_graph import Checkpoint

        return Checkpoint(self._folder / "model.safetensors")

    @cached_property
    def _model(self) -> Any:
        import openvino

        from assistant.embeddings.encoder_graph import build_graph

        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": "bf16" if multiplies_bfloat16(core) else "f32",
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        return core.compile_model(build_graph(self._folder, self._checkpoint), "CPU", options)

    def _encode_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        tokens = [self._cut(e.ids) for e in self._tokenizer.encode_batch_fast(list(texts))]
        padded = [-(-len(ids) // _LENGTH_STEP) * _LENGTH_STEP for ids in tokens]
        # Not shared between calls: an application embeds questions in several threads at once.
        free = [self._model.create_infer_request() for _ in range(_AHEAD)]
        running: list[tuple[list[int], Any]] = []
        for positions in batches_by_length(padded, _BATCH_TOKENS, one_length=True):
            length = min(padded[positions[0]], self.max_tokens)
            inputs = self._inputs([tokens[position] for position in positions], length)
            request = free.pop()
            request.start_async(inputs)
            running.append((positions, request))
            if not free:
                done, request = running.pop(0)
                yield done, _result(request)
                free.append(request)
        for positions, request in running:
            yield positions, _result(request)

    def _cut(self, ids: list[int]) -> list[int]:
        """Truncate to `max_tokens`, keeping the closing special token."""
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    def _inputs(
        self, tokens: list[list[int]], length: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        ids = np.zeros((len(tokens), length), dtype=np.int64)
        mask = np.zeros((len(tokens), length), dtype=np.float32)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        return self._checkpoint.word_rows(ids), mask


def _result(request: Any) -> Vectors:
    request.wait()
    return np.array(request.get_output_tensor().data, dtype=np.float32)


def _read_json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return content


def _fingerprint(folder: Path) -> str:
    """Identify a checkpoint by a hash of its size and of its first, middle and last megabyte.

    Hashing half a gigabyte at every start would take a second; three megabytes of weights do
    not agree by accident.
    """
    weights = folder / "model.safetensors"
    size = weights.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with weights.open("rb") as stream:
        for offset in (0, size // 2, max(0, size - (1 << 20))):
            stream.seek(offset)
            digest.update(stream.read(1 << 20))
    return digest.hexdigest()[:16]
