"""Reads and writes the file with all chunks of a version, one line per document.

Builds copy the lines of unchanged documents. Reading all chunks from this file is faster than
from the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

from assistant.documents import Chunk
from assistant.errors import IndexCorruptError

_FILE_NAME = "chunks.jsonl"
_NEW_NAME = "chunks.new.jsonl"


def chunk_line(address: str, chunks: Iterable[Chunk]) -> str:
    """Return a document as a line of the file."""
    return json.dumps([address, *map(astuple, chunks)], ensure_ascii=False) + "\n"


def address_of(line: str) -> str:
    """Return the address of a line's document.

    Raises:
        IndexCorruptError: The line is damaged.
    """
    try:
        address: str = json.loads(line[1 : _end_of_string(line)])
    except (ValueError, IndexError) as error:
        raise _damaged(error) from error
    return address


def chunks_of(line: str) -> list[Chunk]:
    """Return the chunks in a line.

    Raises:
        IndexCorruptError: The line is damaged.
    """
    try:
        _, *rows = json.loads(line)
        return [_chunk(row) for row in rows]
    except (ValueError, TypeError) as error:
        raise _damaged(error) from error


def lines(version: Path) -> Iterator[str]:
    """Yield the line of every document; none if the version has no such file.

    Raises:
        IndexCorruptError: The file is not text.
    """
    file = version / _FILE_NAME
    if file.is_file():
        try:
            with file.open(encoding="utf-8", errors="surrogatepass", newline="\n") as stream:
                yield from stream
        except UnicodeDecodeError as error:
            raise _damaged(error) from error


def read_chunks(version: Path) -> Iterator[Chunk]:
    """Yield every chunk of a version, document by document, without commit and link.

    Raises:
        IndexCorruptError: The file is damaged.
    """
    for line in lines(version):
        yield from chunks_of(line)


class ChunkFileWriter:
    """Writes the file of a new version next to the one copied from the previous version."""

    def __init__(self, version: Path) -> None:
        self._version = version
        self._stream = (version / _NEW_NAME).open(
            "w", encoding="utf-8", errors="surrogatepass", newline="\n"
        )

    def write(self, line: str) -> None:
        """Add a document."""
        self._stream.write(line)

    def close(self) -> None:
        """Close the new file and replace the old one with it."""
        self._stream.close()
        (self._version / _NEW_NAME).replace(self._version / _FILE_NAME)


def _damaged(error: Exception) -> IndexCorruptError:
    return IndexCorruptError.of(f"{_FILE_NAME} of the index in use", error)


def _end_of_string(line: str) -> int:
    """Position after the closing quote of the string that starts at 1."""
    end = 2
    while line[end] != '"':
        end += 2 if line[end] == "\\" else 1
    return end + 1


def _chunk(row: list[Any]) -> Chunk:
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return Chunk(*values)  # fields with a default may be missing
