"""Builds a BERT-family sentence encoder as an OpenVINO graph.

Reads a sentence-transformers folder (`config.json`, `model.safetensors`, pooling). The word
embeddings, four fifths of the weights, stay in the file to save memory: the caller looks up
rows with `Checkpoint.word_rows` and passes them as input.
"""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from assistant.embeddings.pooling import pooling_of

_ROBERTA_TYPES = ("roberta", "xlm-roberta")  # their positions start after the padding id
_WORDS = "embeddings.word_embeddings.weight"
_TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_MASKED = -1e4  # added to attention scores of padding; finite in every precision


class Checkpoint:
    """The tensors of `model.safetensors`, memory-mapped and read on demand.

    The format (https://huggingface.co/docs/safetensors) is an 8-byte header length, a JSON
    header, and the tensors. The library's reader would copy each tensor.
    """

    def __init__(self, file: Path) -> None:
        with file.open("rb") as stream:
            self._mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes = np.frombuffer(self._mapped, dtype=np.uint8)
        self._start = 8 + int(self._bytes[:8].view("<u8")[0])
        self._tensors = json.loads(self._bytes[8 : self._start].tobytes())
        prefixes = ("", "bert.", "roberta.", "model.")
        self._prefix = next(prefix for prefix in prefixes if prefix + _WORDS in self._tensors)
        self._words, self._words_type = self._stored(_WORDS)

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Return a tensor as float32."""
        return _float32(*self._stored(name))

    def word_rows(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Look up word embeddings: (batch, length) ids -> (batch, length, hidden) float32."""
        rows = _float32(self._words[ids], self._words_type)
        if hasattr(mmap, "MADV_DONTNEED"):  # they stay in the system's file cache
            self._mapped.madvise(mmap.MADV_DONTNEED)
        return rows

    def _stored(self, name: str) -> tuple[NDArray[Any], str]:
        entry = self._tensors[self._prefix + name]
        start, end = (self._start + offset for offset in entry["data_offsets"])
        values = self._bytes[start:end].view(_TYPES[entry["dtype"]])
        return values.reshape(entry["shape"]), entry["dtype"]


def _float32(values: NDArray[Any], stored: str) -> NDArray[np.float32]:
    if stored == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return np.asarray(values, dtype=np.float32)


class _Layers:
    """The graph operators of a checkpoint's layers."""

    def __init__(self, config: dict[str, Any], checkpoint: Checkpoint) -> None:
        self.config = config
        self.tensor = checkpoint.tensor
        self.heads = config["num_attention_heads"]
        self.hidden = config["hidden_size"]

    def linear(self, values: Any, name: str) -> Any:
        product = ops.matmul(values, ops.constant(self.tensor(f"{name}.weight")), False, True)
        return ops.add(product, ops.constant(self.tensor(f"{name}.bias")))

    def norm(self, values: Any, name: str) -> Any:
        epsilon = float(self.config["layer_norm_eps"])
        values = ops.mvn(values, _integers(-1), True, epsilon, "INSIDE_SQRT")
        values = ops.multiply(values, ops.constant(self.tensor(f"{name}.weight")))
        return ops.add(values, ops.constant(self.tensor(f"{name}.bias")))

    def embeddings(self, rows: Any) -> Any:
        positions = self.tensor("embeddings.position_embeddings.weight")
        if self.config["model_type"] in _ROBERTA_TYPES:
            positions = positions[self.config["pad_token_id"] + 1 :]
        positions = positions + self.tensor("embeddings.token_type_embeddings.weight")[0]
        length = ops.gather(ops.shape_of(rows), _integers(1), ops.constant(np.int64(0)))
        used = ops.slice(ops.constant(positions), _integers(0), length, _integers(1), _integers(0))
        return self.norm(ops.add(rows, used), "embeddings.LayerNorm")

    def attention(self, values: Any, bias: Any, name: str) -> Any:
        per_head = _integers(0, 0, self.heads, self.hidden // self.heads)
        swap = _integers(0, 2, 1, 3)
        parts = (
            ops.transpose(ops.reshape(self.linear(values, f"{name}.{part}"), per_head, True), swap)
            for part in ("query", "key", "value")
        )
        attended = ops.transpose(ops.scaled_dot_product_attention(*parts, bias), swap)
        return ops.reshape(attended, _integers(0, 0, self.hidden), True)

    def layer(self, values: Any, bias: Any, name: str) -> Any:
        attended = self.attention(values, bias, f"{name}.attention.self")
        output = self.linear(attended, f"{name}.attention.output.dense")
        values = self.norm(ops.add(output, values), f"{name}.attention.output.LayerNorm")
        inner = ops.gelu(self.linear(values, f"{name}.intermediate.dense"), "erf")
        output = self.linear(inner, f"{name}.output.dense")
        return self.norm(ops.add(output, values), f"{name}.output.LayerNorm")


def _integers(*values: int) -> Any:
    return ops.constant(np.array(values, dtype=np.int64))


def _pool(values: Any, mask: Any, pooling: str) -> Any:
    if pooling == "cls":
        pooled = ops.gather(values, ops.constant(np.int64(0)), ops.constant(np.int64(1)))
    else:  # a sum is enough for the mean, since the result is normalised
        pooled = ops.reduce_sum(
            ops.multiply(values, ops.unsqueeze(mask, _integers(2))), _integers(1)
        )
    return ops.normalize_l2(pooled, _integers(1), 1e-12, "max")


def build_graph(folder: Path, checkpoint: Checkpoint) -> Any:
    """Build the encoder in `folder` as an `openvino.Model`.

    Its inputs are word embeddings (batch, length, hidden) and a mask (batch, length), both
    float32; its output is (batch, hidden) float32, pooled and L2-normalised.
    """
    config = json.loads((folder / "config.json").read_text("utf-8"))
    layers = _Layers(config, checkpoint)
    rows = ops.parameter([-1, -1, layers.hidden], openvino.Type.f32, "rows")
    mask = ops.parameter([-1, -1], openvino.Type.f32, "mask")
    absent = ops.subtract(ops.constant(np.float32(1)), mask)
    bias = ops.unsqueeze(ops.multiply(absent, ops.constant(np.float32(_MASKED))), _integers(1, 2))
    values = layers.embeddings(rows)
    for number in range(config["num_hidden_layers"]):
        values = layers.layer(values, bias, f"encoder.layer.{number}")
    return openvino.Model([_pool(values, mask, pooling_of(folder))], [rows, mask], "encoder")
