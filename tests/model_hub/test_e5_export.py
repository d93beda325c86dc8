"""The exported embedder: a tiny file of the same format, and the real weights."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from assistant.errors import VerificationError
from assistant.model_hub import e5_export, models_folder

HIDDEN, INNER, POSITIONS = 32, 64, 8
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁hello", "▁world", "<mask>"]


def blocks(rows: int, columns: int) -> tuple[bytes, np.ndarray]:
    """Q4_0 blocks, and the weights that they stand for."""
    random = np.random.default_rng(rows)
    nibbles = random.integers(0, 16, (rows * columns // 32, 32)).astype(np.uint8)
    scales = random.uniform(0.01, 1, len(nibbles)).astype(np.float16)
    raw = b"".join(
        scale.tobytes() + (line[:16] | line[16:] << 4).tobytes()
        for scale, line in zip(scales, nibbles, strict=True)
    )
    values = (nibbles.astype(np.float32) - 8) * scales.astype(np.float32)[:, None]
    return raw, values.reshape(rows, columns)


def tiny_weights(file: Path) -> dict[str, np.ndarray]:
    """Write a file with one matrix of blocks, one feed-forward matrix and one bias."""
    word, word_values = blocks(8, HIDDEN)
    output, output_values = blocks(HIDDEN, INNER)
    bias = np.arange(HIDDEN, dtype="<f4")
    tensors = [("emb.word", 1, word, word_values.size), ("l0.fo.w", 1, output, output_values.size)]
    tensors.append(("l0.q.b", 0, bias.tobytes(), bias.size))
    data = b"E5S1" + struct.pack("<i", 1)
    data += struct.pack("<7ifi", HIDDEN, 1, 4, INNER, 8, POSITIONS, 1, 1e-12, 32)
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).astype("<u4")
    scores = np.array([0, 0, 0, 0, -1, -1, 0], "<f4")
    data += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob))
    data += ends.tobytes() + scores.tobytes() + blob + struct.pack("<iI", 0, 0)
    table = struct.pack("<i", len(tensors))
    begin = len(data) + 4 + sum(2 + len(name) + 1 + 4 + 8 + 8 for name, *_ in tensors)
    for name, is_blocks, raw, count in tensors:
        table += struct.pack("<H", len(name)) + name.encode()
        table += struct.pack("<BIQQ", is_blocks, count, begin, len(raw))
        begin += len(raw)
    file.write_bytes(data + table + b"".join(raw for _, _, raw, _ in tensors))
    return {
        "embeddings.word_embeddings.weight": word_values,
        "encoder.layer.0.output.dense.weight": output_values,
        "encoder.layer.0.attention.self.query.bias": bias,
    }


def test_weights_and_tokenizer_are_read(tmp_path: Path) -> None:
    expected = tiny_weights(tmp_path / "tiny.bin")
    e5_export.export(tmp_path / "tiny.bin", tmp_path / "folder")
    written = load_file(tmp_path / "folder" / "model.safetensors")
    assert set(written) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(written[name], values)
    tokenizer = Tokenizer.from_file(str(tmp_path / "folder" / "tokenizer.json"))
    assert tokenizer.encode("hello world").tokens == ["<s>", "▁hello", "▁world", "</s>"]
    paths = (path for path in (tmp_path / "folder").rglob("*") if path.is_file())
    names = {path.relative_to(tmp_path / "folder").as_posix() for path in paths}
    assert names == set(e5_export.FILES)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_bytes(b"GGUF....")
    with pytest.raises(VerificationError, match="starts with b'GGUF'"):
        e5_export.export(tmp_path / "other.bin", tmp_path / "folder")


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(
    tmp_path: Path, name: str
) -> None:
    tiny_weights(tmp_path / "tiny.bin")
    (tmp_path / "folder" / name).mkdir(parents=True)
    with pytest.raises(OSError, match=name):
        e5_export.export(tmp_path / "tiny.bin", tmp_path / "folder")


def test_the_default_embedder_is_complete(embedder_folder: Path) -> None:
    marker = models_folder.Marker.read(embedder_folder)
    assert marker is not None
    assert marker.complete
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= set(marker.files)
