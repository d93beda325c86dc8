"""Counts the words of each chunk, reusing the counts of earlier builds."""

from __future__ import annotations

import hashlib
import itertools
import json
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from assistant.documents import Chunk
from assistant.errors import UNREADABLE
from assistant.keywords.words import WORDS_VERSION, words

_HEADING_TIMES = 2  # weight of words in the path and headings of a chunk
_KEY_BYTES = 16
# All files but those of counts and keys are written by bm25s, under its names.
_VOCABULARY, _KEYS = "vocab.index.json", "keys.npy"
_PARTS = ("counts.npy", "indices.csc.index.npy", "indptr.csc.index.npy")


@dataclass(frozen=True, slots=True)
class WordCounts:
    """Counts of words in chunks.

    Attributes:
        names: The words, sorted; each occurs in some chunk.
        counts: (chunks, words) int32, rows ascending within each word.
        keys: A key per row; chunks with different words have different keys.
    """

    names: list[str]
    counts: sparse.csc_array
    keys: list[bytes]


def count_words(chunks: Sequence[Chunk], kept: WordCounts | None) -> WordCounts:
    """Count the words of all chunks; those in `kept` are not segmented again.

    Args:
        chunks: The chunks, in order of rows.
        kept: Counts of an earlier build, if there are any.
    """
    keys = [_key(chunk) for chunk in chunks]
    numbers = {name: number for number, name in enumerate(kept.names if kept else ())}
    row_of = {key: row for row, key in enumerate(kept.keys if kept else ())}
    fresh = [chunk for chunk, key in zip(chunks, keys, strict=True) if key not in row_of]
    matrix = _counted(fresh, numbers)
    if kept is not None:
        old = kept.counts.tocsr()
        old.resize(old.shape[0], matrix.shape[1])
        matrix = sparse.vstack([old, matrix], format="csr")
    new_rows = itertools.count(len(row_of))
    rows = [row_of[key] if key in row_of else next(new_rows) for key in keys]
    matrix = matrix[np.array(rows, np.int64)].tocsc()
    names = list(numbers)
    order = sorted(np.flatnonzero(np.diff(matrix.indptr)).tolist(), key=names.__getitem__)
    counts = matrix[:, np.array(order, np.int64)]
    counts.sort_indices()
    return WordCounts([names[number] for number in order], counts, keys)


def _key(chunk: Chunk) -> bytes:
    """Key of everything that `_words` depends on; the id stands for path and text."""
    text = "\0".join((str(WORDS_VERSION), chunk.id, *chunk.heading))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()


def _counted(chunks: Sequence[Chunk], numbers: dict[str, int]) -> sparse.csr_array:
    """(chunks, words) counts; new words are added to `numbers`."""
    columns, counts, ends = array("i"), array("i"), array("q", [0])
    for chunk in chunks:
        for word, count in Counter(_words(chunk)).items():
            columns.append(numbers.setdefault(word, len(numbers)))
            counts.append(count)
        ends.append(len(columns))
    parts = (np.array(counts, np.int32), np.array(columns, np.int32), np.array(ends, np.int64))
    return sparse.csr_array(parts, shape=(len(chunks), len(numbers)))


def _words(chunk: Chunk) -> list[str]:
    where = words(" ".join((chunk.source, chunk.path.rsplit(".", 1)[0], *chunk.heading)))
    return where * _HEADING_TIMES + words(chunk.text)


def read_counts(folder: Path) -> WordCounts | None:
    """Read the counts of an earlier build; None if they are missing or unusable.

    The words and their rows are in the files of `bm25s`, which stores scores instead of
    counts.
    """
    try:
        names = list(json.loads((folder / _VOCABULARY).read_text("utf-8")))
        keys = np.load(folder / _KEYS).tobytes()
        rows = [keys[start : start + _KEY_BYTES] for start in range(0, len(keys), _KEY_BYTES)]
        parts = tuple(np.load(folder / name) for name in _PARTS)
        counts = sparse.csc_array(parts, shape=(len(rows), len(names)))
        counts.check_format(full_check=True)
    except UNREADABLE:
        return None
    return WordCounts(names, counts, rows)


def write_counts(folder: Path, counts: WordCounts) -> None:
    """Write the files that `read_counts` reads, except those of `bm25s`."""
    np.save(folder / _PARTS[0], counts.counts.data)
    keys = np.frombuffer(b"".join(counts.keys), dtype=np.uint8)
    np.save(folder / _KEYS, keys.reshape(-1, _KEY_BYTES))
