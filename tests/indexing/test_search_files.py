"""What a version has for searching, made from chunks in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assistant.documents import Chunk
from assistant.indexing.search_files import SearchFiles
from assistant.keywords import KeywordIndex

CHUNKS = [
    Chunk(f"id{n}", f"word{n} and more", "docs", f"{n % 7}.md", (), n, n + 1, "", "", "en", 3)
    for n in range(60)
]
VECTORS = np.random.default_rng(0).normal(size=(len(CHUNKS), 8)).astype(np.float32)


def written(folder: Path, order: list[int], at_once: int) -> Path:
    folder.mkdir()
    search = SearchFiles(folder, 8)
    for start in range(0, len(order), at_once):
        part = order[start : start + at_once]
        search.add([CHUNKS[row] for row in part], VECTORS[part])
    search.write()
    search.close()
    return folder


def test_vectors_stand_in_the_order_of_the_words(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(len(CHUNKS)).tolist()
    folder = written(tmp_path / "shuffled", order, 7)
    vectors = dict(zip(KeywordIndex.open(folder).ids, np.load(folder / "vectors.npy"), strict=True))
    for chunk, vector in zip(CHUNKS, VECTORS, strict=True):
        np.testing.assert_array_equal(vectors[chunk.id], vector)


def test_the_same_chunks_give_the_same_files_and_nothing_else_stays(tmp_path: Path) -> None:
    order = list(range(len(CHUNKS)))
    one, other = written(tmp_path / "a", order, 60), written(tmp_path / "b", order[::-1], 13)
    files = sorted(file.relative_to(one) for file in one.rglob("*") if file.is_file())
    assert files == sorted(file.relative_to(other) for file in other.rglob("*") if file.is_file())
    for file in files:
        assert (one / file).read_bytes() == (other / file).read_bytes()
    assert {file.name for file in one.iterdir()} == {
        "keywords",
        "vectors.npy",
        "language_centres.npz",
    }


def test_an_index_without_a_chunk(tmp_path: Path) -> None:
    folder = written(tmp_path / "empty", [], 1)
    assert np.load(folder / "vectors.npy").shape == (0, 8)
    assert list(KeywordIndex.open(folder).ids) == []
