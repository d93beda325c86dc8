"""The keyword index: the score of each word in each chunk, in files or in memory.

Uses Lucene's variant of BM25 (Kamphuis et al., ECIR 2020) with `bm25s`, which stores the
scores.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from assistant.documents import Chunk, SearchFilters
from assistant.errors import UNREADABLE, IndexCorruptError
from assistant.keywords.counts import WordCounts, count_words, read_counts, write_counts
from assistant.keywords.glossary import Glossary, aligned_pages, learn_glossary
from assistant.keywords.pages import PagePosition, files_of, page_positions
from assistant.sources.globs import expression

_FOLDER = "keywords"
_CHUNKS, _GLOSSARY, _PAGES = "chunks.json", "glossary.json", "pages.json"
_K1, _B = 1.2, 0.75  # Lucene's defaults


def write_keyword_index(folder: Path, chunks: Iterable[Chunk], before: Path | None = None) -> None:
    """Write the index of all chunks; the same chunks give the same files.

    Args:
        folder: Folder of the version.
        chunks: Chunks with unique ids, in any order.
        before: Folder of an earlier version; chunks in its index are not segmented again.
    """
    files = files_of(chunks)
    target = folder / _FOLDER
    known = (before or folder) / _FOLDER
    counts = count_words(_in_one(files), read_counts(known))
    pages = aligned_pages(files, _kept_pages(known))
    shutil.rmtree(target, ignore_errors=True)
    _engine(counts).save(target, show_progress=False)
    write_counts(target, counts)
    _write(target / _CHUNKS, _columns(files))
    _write(target / _PAGES, pages)
    _write(target / _GLOSSARY, learn_glossary(pages.values()))


def _in_one(files: Mapping[str, list[Chunk]]) -> list[Chunk]:
    return [chunk for part in files.values() for chunk in part]


def _columns(files: dict[str, list[Chunk]]) -> dict[str, list[Any]]:
    """The metadata of each chunk, in order of address and line."""
    ordered = _in_one(files)
    positions = page_positions(files)
    return {
        "id": [chunk.id for chunk in ordered],
        "source": [chunk.source for chunk in ordered],
        "path": [chunk.path for chunk in ordered],
        "language": [chunk.language for chunk in ordered],
        "section": _section_numbers(ordered),
        "page": [positions[chunk.id].page for chunk in ordered],
        "start": [round(positions[chunk.id].start, 5) for chunk in ordered],
        "end": [round(positions[chunk.id].end, 5) for chunk in ordered],
    }


def _kept_pages(target: Path) -> dict[str, Any]:
    try:
        return _read(target / _PAGES)
    except (OSError, ValueError):
        return {}


def _engine(words_of_chunks: WordCounts) -> bm25s.BM25:
    """Compute every word's score in every chunk that contains it.

    Gives the same scores as `BM25.index`, which takes over ten times as long because it loops
    over texts.
    """
    counts = words_of_chunks.counts
    number = counts.shape[0]
    lengths = np.asarray(counts.sum(axis=1), dtype=np.float64)
    mean = float(lengths.mean()) if number else 0.0
    having = np.diff(counts.indptr)
    weights = np.log(1 + (number - having + 0.5) / (having + 0.5))
    norms = _K1 * (1 - _B + _B * lengths / (mean or 1.0))
    shares = counts.data / (counts.data + norms[counts.indices])
    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it logs every step
    engine = bm25s.BM25(k1=_K1, b=_B, method="lucene")
    engine.scores = {
        "data": (np.repeat(weights, having) * shares).astype(np.float32),
        "indices": counts.indices.astype(np.int32),
        "indptr": counts.indptr.astype(np.int64),
        "num_docs": number,
    }
    engine.nonoccurrence_array = None  # Lucene's variant has none
    engine.vocab_dict = {name: number for number, name in enumerate(words_of_chunks.names)}
    if not engine.vocab_dict:  # bm25s cannot map empty files: store one empty word
        engine.scores |= {
            "data": np.zeros(1, np.float32),
            "indices": np.zeros(1, np.int32),
            "indptr": np.array([0, 1], np.int64),
        }
        engine.vocab_dict = {"": 0}
    return engine


def _read(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} is not a JSON object")
    return content


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _section_numbers(ordered: Sequence[Chunk]) -> list[int]:
    """A number per chunk, shared by neighbours with the same file and heading."""
    numbers: list[int] = []
    before: object = None
    for chunk in ordered:
        here = (chunk.address, chunk.heading)
        numbers.append(numbers[-1] + (here != before) if numbers else 0)
        before = here
    return numbers


class KeywordIndex:
    """A keyword index that is open for lookups.

    A chunk's row is its position in `ids`, which are in order of address and line.

    Args:
        engine: Each word's score in each chunk that contains it.
        columns: Name -> metadata of each chunk, by row.
        glossary: Word -> its translations.
    """

    def __init__(
        self, engine: bm25s.BM25, columns: dict[str, list[Any]], glossary: Glossary
    ) -> None:
        self._engine = engine
        self._columns = columns
        self._glossary = glossary
        self.ids: list[str] = columns["id"]
        self._numbers: dict[str, tuple[list[str], NDArray[np.int32]]] = {}

    @classmethod
    def open(cls, folder: Path) -> KeywordIndex:
        """Open the index that `write_keyword_index` wrote to `folder`; the scores stay on disk.

        Raises:
            IndexCorruptError: The index is missing or cannot be read.
        """
        target = folder / _FOLDER
        try:
            engine = bm25s.BM25.load(target, mmap=True, show_progress=False, verbosity=0)
            return cls(engine, _read(target / _CHUNKS), _read(target / _GLOSSARY))
        except UNREADABLE as error:
            raise IndexCorruptError.of(target, error) from error

    @classmethod
    def from_chunks(cls, chunks: Iterable[Chunk]) -> KeywordIndex:
        """Create an index in memory from chunks with unique ids, in any order."""
        files = files_of(chunks)
        engine = _engine(count_words(_in_one(files), None))
        return cls(engine, _columns(files), learn_glossary(aligned_pages(files, {}).values()))

    def __len__(self) -> int:
        """Number of chunks."""
        return len(self.ids)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Chunk id -> row."""
        return {identifier: row for row, identifier in enumerate(self.ids)}

    @property
    def languages(self) -> Sequence[str]:
        """(n,) language of each chunk."""
        return self._columns["language"]

    def file(self, row: int) -> tuple[str, str]:
        """Source and path of a chunk."""
        return self._columns["source"][row], self._columns["path"][row]

    def section(self, row: int) -> list[int]:
        """Rows of all chunks in the same section as a chunk, in order of lines."""
        numbers = self._columns["section"]
        first = last = row
        while first > 0 and numbers[first - 1] == numbers[row]:
            first -= 1
        while last + 1 < len(numbers) and numbers[last + 1] == numbers[row]:
            last += 1
        return list(range(first, last + 1))

    def position(self, row: int) -> PagePosition:
        """The position of a chunk on its page."""
        columns = self._columns
        return PagePosition(columns["page"][row], columns["start"][row], columns["end"][row])

    def allowed(self, filters: SearchFilters | None) -> NDArray[np.bool_] | None:
        """(n,) whether each chunk passes the filters; None if there are no filters."""
        if filters is None or filters == SearchFilters():
            return None
        passes = np.ones(len(self), dtype=bool)
        for name, wanted in (("source", filters.sources), ("language", filters.languages)):
            if wanted:
                passes &= self._where(name, wanted.__contains__)
        if filters.paths:
            globs = expression(filters.paths)
            passes &= self._where("path", lambda path: globs.match(path) is not None)
        return passes

    def _where(self, column: str, passes: Callable[[str], bool]) -> NDArray[np.bool_]:
        """(n,) whether each chunk's value in a column passes, which is tested once per value."""
        values, numbers = self._numbered(column)
        return np.array([passes(value) for value in values], dtype=bool)[numbers]

    def _numbered(self, column: str) -> tuple[list[str], NDArray[np.int32]]:
        """The distinct values of a column, and (n,) the number of each chunk's value."""
        if column not in self._numbers:
            known: dict[str, int] = {}
            numbers = [known.setdefault(value, len(known)) for value in self._columns[column]]
            self._numbers[column] = list(known), np.array(numbers, dtype=np.int32)
        return self._numbers[column]

    def translations(self, word: str) -> Sequence[tuple[str, float]]:
        """Translations of a word, with their strength from 0 to 1, strongest first."""
        return self._glossary.get(word, ())

    def postings(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(n,) rows of the chunks that contain a word, ascending, and (n,) its scores."""
        parts = self._engine.scores
        number = self._engine.vocab_dict.get(word)
        bounds = slice(0, 0)
        if number is not None:
            bounds = slice(parts["indptr"][number], parts["indptr"][number + 1])
        return parts["indices"][bounds], parts["data"][bounds]
