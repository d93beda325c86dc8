"""The file of all vectors: what is found with it, and when it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.errors import IndexCorruptError
from assistant.index.exact_vectors import ExactVectors, write_exact_vectors


def unit_vectors(count: int) -> np.ndarray:
    vectors = np.random.default_rng(3).normal(size=(count, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_cosines_are_those_of_the_written_vectors(tmp_path: Path) -> None:
    vectors = unit_vectors(50)
    write_exact_vectors(tmp_path, [vectors[:20], vectors[20:]], 8)
    exact = ExactVectors.of(tmp_path, (50, 8))
    assert exact is not None
    np.testing.assert_allclose(exact.cosines(3 * vectors[7]), vectors @ vectors[7], atol=1e-6)


def test_an_empty_index(tmp_path: Path) -> None:
    write_exact_vectors(tmp_path, [], 8)
    exact = ExactVectors.of(tmp_path, (0, 8))
    assert exact is not None
    assert exact.cosines(unit_vectors(1)[0]).shape == (0,)


def test_too_many_leave_no_file_behind(tmp_path: Path) -> None:
    write_exact_vectors(tmp_path, [unit_vectors(5)], 8)
    write_exact_vectors(tmp_path, None, 8)
    assert ExactVectors.of(tmp_path, (5, 8)) is None


@pytest.mark.parametrize("content", [b"", b"no vectors", None])
def test_a_damaged_file_is_said(tmp_path: Path, content: bytes | None) -> None:
    write_exact_vectors(tmp_path, [unit_vectors(5)], 8)
    if content is not None:
        (tmp_path / "vectors.npy").write_bytes(content)
    with pytest.raises(IndexCorruptError, match=r"vectors\.npy"):
        ExactVectors.of(tmp_path, (6, 8))
