"""Writes the documents of a new version to its folder, window by window.

`parsing` makes chunks in other processes or a thread, this module embeds them, and `writer`
writes them in another thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.errors import IndexCorruptError
from assistant.index.atomic_files import writing
from assistant.index.manifest import REBUILD, SEARCH_VERSION
from assistant.indexing.build_report import Written
from assistant.indexing.changes import VersionDocument, VersionDocuments, windows
from assistant.indexing.embedding_cache import EmbeddingCache
from assistant.indexing.job import Job
from assistant.indexing.parsing import FileParser, default_workers, make_parser, parsing
from assistant.indexing.search_files import SearchFiles
from assistant.indexing.survey import Survey
from assistant.indexing.writer import VersionWriter, Window
from assistant.processes import core_count


def write_documents(
    job: Job, found: Survey, kept: dict[str, int], version: Path, *, copied: bool
) -> Written:
    """Write chunks, vectors, texts and search files of a version: everything but its manifest.

    Args:
        job: Parameters of the build.
        found: Survey with the unchanged and the fresh files.
        kept: Address of each unchanged file -> number of chunks.
        version: Folder of the new version.
        copied: Whether the folder is a copy of the previous version.

    Raises:
        IndexWriteError: The version cannot be written.
        IndexCorruptError: The previous version is damaged.
        IndexServerError: The server that holds the vectors does not respond.
    """
    documents = VersionDocuments(found, job.previous, copied)
    with writing(job.db_folder):
        cache = EmbeddingCache(
            job.db_folder / "embeddings",
            job.embedder.identity,
            job.embedder.dimension,
            job.plan.encode or job.embedder.passage_batches,
        )
    with closing(cache):
        with writing(job.db_folder):
            search = SearchFiles(version, job.embedder.dimension)
            writer = VersionWriter(version, create=not copied, server=job.plan.server)
        with closing(search), closing(writer):
            step = _Step(job, documents, cache, search, writer)
            with parsing(found.fresh, lambda: _parser(job), _workers(job)) as parsed:
                for window in windows(documents.read(parsed), job.plan.window_chunks):
                    step(window)
            counts = kept | documents.counts
            with writing(job.db_folder):
                gone = (documents.gone, documents.gone_documents) if copied else ([], [])
                stored, texts = writer.finish(*gone)
                for chunks in (len(search), stored):
                    _check(version, chunks, texts, counts)
                outdated = job.before and job.before.search_version != SEARCH_VERSION
                if documents.changed or outdated:
                    search.write(job.previous)
    return Written(
        counts, documents.refused, cache.embedded, len(documents.gone), documents.changed
    )


def _check(version: Path, chunks: int | None, texts: int, counts: dict[str, int]) -> None:
    expected = sum(counts.values())
    if chunks not in (None, expected) or texts != len(counts):
        raise IndexCorruptError(
            f"the new version {version} has {chunks} chunks and {texts} documents",
            expected=f"{expected} and {len(counts)}; the previous version is damaged",
            action=f"{REBUILD} --rebuild",
        )


@dataclass(slots=True)
class _Step:
    """Embeds a window of documents, and passes it to the writer and the search files."""

    job: Job
    documents: VersionDocuments
    cache: EmbeddingCache
    search: SearchFiles
    writer: VersionWriter
    stored: int = 0  # chunks of earlier windows that were in the cache
    embedded: int = 0  # chunks of earlier windows that were embedded
    sources: str = ""  # sources of the current window

    def __call__(self, window: Sequence[VersionDocument]) -> None:
        chunks = [chunk for document in window for chunk in document.chunks]
        is_new = [c.id not in document.copied for document in window for c in document.chunks]
        new = np.array(is_new, dtype=bool)
        vectors = np.empty((len(chunks), self.job.embedder.dimension), dtype=np.float32)
        to_write = list(compress(chunks, is_new))
        with writing(self.job.db_folder):
            vectors[new] = self._embed(to_write)
            copied = [chunk.embedded_text for chunk in compress(chunks, ~new)]
            vectors[~new] = self.cache.vectors(copied, self._embedded_again)
            self.search.add(chunks, vectors)
        self.writer.put(
            Window(
                [document.line for document in window],
                to_write,
                vectors[new],
                [(d.address, d.text) for d in window if d.text is not None],
            )
        )

    def _embed(self, chunks: Sequence[Chunk]) -> Vectors:
        self.sources = ", ".join(dict.fromkeys(chunk.source for chunk in chunks))
        before = self.cache.embedded
        vectors = self.cache.vectors([chunk.embedded_text for chunk in chunks], self._ready)
        embedded = self.cache.embedded - before
        self.stored += len(chunks) - embedded
        self.embedded += embedded
        return vectors

    def _ready(self, had: int, got: int) -> None:
        """Report progress; chunks whose vectors were in the cache do not count."""
        done, total = self.embedded + got, self.documents.expected - self.stored - had
        self.job.progress("embed", done, max(total, done), "chunks", at=self.sources)

    def _embedded_again(self, _: int, got: int) -> None:
        """Report copied chunks whose vectors were lost from the cache."""
        if got:
            self.job.progress("embed", got, None, "chunks")


def _parser(job: Job) -> FileParser:
    embedder = job.embedder
    most = min(job.plan.chunk_tokens, embedder.max_tokens)
    return make_parser(embedder.token_counter(), embedder.passage_prefix, most)


def _workers(job: Job) -> int:
    given = job.plan.workers
    return default_workers(core_count()) if given is None else given
