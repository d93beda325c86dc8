"""The file of all vectors: what is found with it, and when it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.embeddings.base import Vectors
from assistant.errors import IndexCorruptError
from assistant.index.exact_vectors import ExactVectors, write_exact_vectors


def unit_vectors(count: int) -> Vectors:
    vectors = np.random.default_rng(3).normal(size=(count, 8)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def test_cosines_are_those_of_the_written_vectors(tmp_path: Path) -> None:
    vectors = unit_vectors(50)
    write_exact_vectors(tmp_path, [vectors[:20], vectors[20:]], 8)
    exact = ExactVectors.of_version(tmp_path, (50, 8))
    assert exact is not None
    rows, cosines = exact.nearest(3 * vectors[7], 50)
    np.testing.assert_allclose(cosines, (vectors @ vectors[7])[rows], atol=1e-6)
    assert rows.tolist() == np.argsort(-(vectors @ vectors[7])).tolist()
    few = np.arange(50) % 2 == 0
    among, _ = exact.nearest(3 * vectors[7], 3, few)
    assert among.tolist() == [row for row in rows if few[row]][:3]
    np.testing.assert_array_equal(exact.of(rows), vectors[rows])


def test_an_empty_index(tmp_path: Path) -> None:
    write_exact_vectors(tmp_path, [], 8)
    exact = ExactVectors.of_version(tmp_path, (0, 8))
    assert exact is not None
    assert len(exact.nearest(unit_vectors(1)[0], 5)[0]) == 0


def test_too_many_leave_no_file_behind(tmp_path: Path) -> None:
    write_exact_vectors(tmp_path, [unit_vectors(5)], 8)
    write_exact_vectors(tmp_path, None, 8)
    assert ExactVectors.of_version(tmp_path, (5, 8)) is None


@pytest.mark.parametrize("damage", ["empty", "no vectors", "cut off", "no end", "of others"])
def test_a_damaged_file_is_said(tmp_path: Path, damage: str) -> None:
    write_exact_vectors(tmp_path, [unit_vectors(6 if damage == "cut off" else 5)], 8)
    file = tmp_path / "vectors.npy"
    contents = {"empty": b"", "no vectors": b"no vectors", "cut off": file.read_bytes()[:-9]}
    contents["no end"] = file.read_bytes().replace(b"}", b"\0")
    if damage in contents:
        file.write_bytes(contents[damage])
    with pytest.raises(IndexCorruptError, match=r"vectors\.npy"):
        ExactVectors.of_version(tmp_path, (6, 8))


def test_a_file_that_is_cut_off_while_it_is_searched_changes_nothing(tmp_path: Path) -> None:
    vectors = unit_vectors(4000)
    write_exact_vectors(tmp_path, [vectors], 8)
    exact = ExactVectors.of_version(tmp_path, (4000, 8))
    assert exact is not None
    (tmp_path / "vectors.npy").write_bytes(b"")
    assert exact.nearest(vectors[7], 1)[0].tolist() == [7]  # a mapped file ends the process
