"""The documents of a new version, and what differs from the one before; embeds nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.documents import Chunk, SourceFile
from assistant.index.chunk_file import address_of as address_of_line
from assistant.index.chunk_file import chunk_line, chunks_of, lines
from assistant.indexing.parsing import Parsed
from assistant.indexing.survey import Survey, address_of


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the new version, and which of its chunks have to be written."""

    line: str
    write: list[Chunk]


class Documents:
    """The documents of the new version: those that are the same, then the fresh ones.

    Attributes:
        gone: Ids of chunks that are no longer there, once all are read.
        counts: Fresh address -> number of chunks.
        refused: Fresh address -> why it has none.
        changed: Whether any chunk differs from the version before.
        expected: How many chunks there will be to write, as far as is known.
    """

    def __init__(self, found: Survey, folder: Path | None, copied: bool) -> None:
        self._found, self._folder, self._copied = found, folder, copied
        self._before: dict[str, list[Chunk]] = {}  # of fresh files
        self.gone: list[str] = []
        self.counts: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.changed = not copied
        self.expected = 0

    def read(self, parsed: Iterator[tuple[SourceFile, Parsed]]) -> Iterator[Document]:
        """Every document of the new version once; `parsed` are the fresh ones, in order."""
        copied = 0
        for same in self._same():
            copied += len(same.write)
            yield same
        files = len(self._found.fresh)
        written = 0
        for place, (file, outcome) in enumerate(parsed, start=1):
            document = self._fresh(address_of(file), outcome)
            if document is not None:
                written += len(document.write)
                self.expected = copied + written * files // place
                yield document
        self.expected = copied + written
        for chunks in self._before.values():  # files that are there and have no text now
            self._drop(chunks)

    def _same(self) -> Iterator[Document]:
        same = set(self._found.same)
        fresh = {address_of(file) for file in self._found.fresh}
        for line in lines(self._folder) if self._folder else ():
            address = address_of_line(line)
            if address in same:
                yield Document(line, [] if self._copied else chunks_of(line))
            elif address in fresh:
                self._before[address] = chunks_of(line)
            else:
                self._drop(chunks_of(line))

    def _fresh(self, address: str, outcome: Parsed) -> Document | None:
        if outcome.reason:
            self.refused[address] = outcome.reason
            return None
        self.counts[address] = len(outcome.chunks)
        before = {chunk.id: chunk for chunk in self._before.pop(address, ())}
        write = [
            chunk for chunk in outcome.chunks if not self._copied or before.get(chunk.id) != chunk
        ]
        now = {chunk.id for chunk in outcome.chunks}
        self._drop(chunk for identifier, chunk in before.items() if identifier not in now)
        self.changed = self.changed or bool(write)
        return Document(chunk_line(address, outcome.chunks), write)

    def _drop(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            self.gone.append(chunk.id)
            self.changed = True


def windows(stream: Iterable[Document], size: int) -> Iterator[list[Document]]:
    """Documents in groups of about `size` chunks to write."""
    window: list[Document] = []
    count = 0
    for document in stream:
        window.append(document)
        count += len(document.write)
        if count >= size:
            yield window
            window, count = [], 0
    if window:
        yield window
