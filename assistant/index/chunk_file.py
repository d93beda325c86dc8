"""All chunks of a version in one file, a line for each document.

The build takes unchanged documents from here line by line, and whoever needs all
chunks at once reads them here faster than from the database.
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
    """One document as a line."""
    return json.dumps([address, *map(astuple, chunks)], ensure_ascii=False) + "\n"


def address_of(line: str) -> str:
    """The document that a line is of; raises IndexCorruptError if it is not whole."""
    try:
        address: str = json.loads(line[1 : _end_of_string(line)])
    except (ValueError, IndexError) as error:
        raise _damaged(error) from error
    return address


def chunks_of(line: str) -> list[Chunk]:
    """The chunks in a line; raises IndexCorruptError if it is not whole."""
    try:
        _, *rows = json.loads(line)
        return [_chunk(row) for row in rows]
    except (ValueError, TypeError) as error:
        raise _damaged(error) from error


def lines(version: Path) -> Iterator[str]:
    """Every document of a version as a line; none where the version has no such file.

    Raises:
        IndexCorruptError: The file is no text.
    """
    file = version / _FILE_NAME
    if file.is_file():
        try:
            with file.open(encoding="utf-8", errors="surrogatepass", newline="\n") as stream:
                yield from stream
        except UnicodeDecodeError as error:
            raise _damaged(error) from error


def read_chunks(version: Path) -> Iterator[Chunk]:
    """Every chunk of a version, document by document; commit and link not filled in."""
    for line in lines(version):
        yield from chunks_of(line)


class ChunkFileWriter:
    """Writes the file of a new version beside the one that was copied with it."""

    def __init__(self, version: Path) -> None:
        self._version = version
        self._stream = (version / _NEW_NAME).open(
            "w", encoding="utf-8", errors="surrogatepass", newline="\n"
        )

    def write(self, line: str) -> None:
        """Add a document."""
        self._stream.write(line)

    def close(self) -> None:
        """Put the file in its place."""
        self._stream.close()
        (self._version / _NEW_NAME).replace(self._version / _FILE_NAME)


def _damaged(error: Exception) -> IndexCorruptError:
    return IndexCorruptError.of(f"{_FILE_NAME} of the index in use", error)


def _end_of_string(line: str) -> int:
    """Index after the closing quote of the string that starts at 1."""
    end = 2
    while line[end] != '"':
        end += 2 if line[end] == "\\" else 1
    return end + 1


def _chunk(row: list[Any]) -> Chunk:
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return Chunk(*values)  # fields with a default may be missing
