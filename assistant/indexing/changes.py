"""Lists the documents of a new version, and the differences from the previous version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.documents import Chunk, SourceFile
from assistant.errors import IndexCorruptError
from assistant.index.chunk_file import address_of, chunk_line, chunks_of, lines
from assistant.index.document_texts import packed_text_of
from assistant.indexing.parsing import Parsed
from assistant.indexing.survey import Survey


@dataclass(frozen=True, slots=True)
class VersionDocument:
    """A document of the new version.

    Attributes:
        address: `source/path`.
        line: Its line in the chunk file.
        chunks: All its chunks, in order.
        copied: Ids of the chunks that were copied with the version's folder.
        text: The whole text, packed; None if it was copied.
    """

    address: str
    line: str
    chunks: Sequence[Chunk]
    copied: frozenset[str]
    text: bytes | None

    @property
    def new(self) -> int:
        """Number of chunks to write."""
        return len(self.chunks) - len(self.copied)


class VersionDocuments:
    """The documents of the new version: first the unchanged ones, then the fresh ones.

    The attributes are complete once all documents have been read.

    Args:
        found: Survey with the unchanged and the fresh files.
        folder: Folder of the previous version, if there is one.
        copied: Whether the new version's folder is a copy of it.

    Attributes:
        gone: Ids of removed chunks.
        gone_documents: Addresses of removed documents.
        counts: Address of a fresh file -> number of its chunks.
        refused: Address of a fresh file without chunks -> reason.
        changed: Whether any chunk differs from the previous version.
        expected: Estimated number of chunks to write.
    """

    def __init__(self, found: Survey, folder: Path | None, copied: bool) -> None:
        self._found, self._folder, self._copied = found, folder, copied
        self._before: dict[str, list[Chunk]] = {}  # previous chunks of fresh files
        self.gone: list[str] = []
        self.gone_documents: list[str] = []
        self.counts: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.changed = not copied
        self.expected = 0

    def read(self, parsed: Iterator[tuple[SourceFile, Parsed]]) -> Iterator[VersionDocument]:
        """Yield every document of the new version once.

        Args:
            parsed: The fresh files with their chunks, in the order of the survey.

        Raises:
            IndexCorruptError: The previous version is damaged.
        """
        taken_over = 0
        for same in self._same():
            taken_over += same.new
            yield same
        files = len(self._found.fresh)
        written = 0
        for number, (file, outcome) in enumerate(parsed, start=1):
            document = self._fresh(file.address, outcome)
            if document is not None:
                written += document.new
                self.expected = taken_over + written * files // number
                yield document
        self.expected = taken_over + written
        for address, chunks in self._before.items():  # files that no longer have text
            self._drop(address, chunks)

    def _same(self) -> Iterator[VersionDocument]:
        if self._folder is None:
            return
        missing = set(self._found.same)
        fresh = {file.address for file in self._found.fresh}
        for line in lines(self._folder):
            address, chunks = address_of(line), chunks_of(line)
            if address in missing:
                missing.remove(address)
                yield self._taken_over(self._folder, address, line, chunks)
            elif address in fresh:
                self._before[address] = chunks
            else:
                self._drop(address, chunks)
        if missing:
            raise IndexCorruptError.of(self._folder, f"the chunks of {min(missing)} are missing")

    def _taken_over(
        self, folder: Path, address: str, line: str, chunks: Sequence[Chunk]
    ) -> VersionDocument:
        if self._copied:
            return VersionDocument(address, line, chunks, frozenset(c.id for c in chunks), None)
        text = packed_text_of(folder, address)
        if text is None:
            raise IndexCorruptError.of(folder, f"the text of {address} is missing")
        return VersionDocument(address, line, chunks, frozenset(), text)

    def _fresh(self, address: str, outcome: Parsed) -> VersionDocument | None:
        if outcome.reason:
            self.refused[address] = outcome.reason
            return None
        chunks = outcome.chunks
        self.counts[address] = len(chunks)
        before = {chunk.id: chunk for chunk in self._before.pop(address, ())}
        now = {chunk.id for chunk in chunks}
        self._drop_chunks(identifier for identifier in before if identifier not in now)
        copied = frozenset(c.id for c in chunks if self._copied and before.get(c.id) == c)
        self.changed = self.changed or len(copied) < len(chunks)
        return VersionDocument(address, chunk_line(address, chunks), chunks, copied, outcome.text)

    def _drop(self, address: str, chunks: Iterable[Chunk]) -> None:
        self.gone_documents.append(address)
        self._drop_chunks(chunk.id for chunk in chunks)

    def _drop_chunks(self, identifiers: Iterable[str]) -> None:
        before = len(self.gone)
        self.gone += identifiers
        self.changed = self.changed or len(self.gone) > before


def windows(documents: Iterable[VersionDocument], size: int) -> Iterator[list[VersionDocument]]:
    """Group documents into windows of about `size` chunks to write, and at most twice that."""
    window: list[VersionDocument] = []
    new = held = 0
    for document in documents:
        window.append(document)
        new += document.new
        held += len(document.chunks)
        if new >= size or (not new and held >= size):
            yield window
            window, new, held = [], 0, 0
    if window:
        yield window
