"""Writes the documents of a new version into its folder.

`parsing` makes chunks in other processes or a thread, the embedder works here, window by
window, and `writer` writes in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import compress
from pathlib import Path

import numpy as np

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.errors import IndexCorruptError
from assistant.index.atomic_files import writing
from assistant.index.manifest import REBUILD, SEARCH_VERSION
from assistant.indexing.build_report import Written
from assistant.indexing.changes import Document, Documents, windows
from assistant.indexing.embedding_cache import EmbeddingCache
from assistant.indexing.job import Job
from assistant.indexing.parsing import FileParser, default_workers, make_parser, parsing
from assistant.indexing.search_files import SearchFiles
from assistant.indexing.survey import Survey
from assistant.indexing.writer import Stored, VersionWriter, Window


def write_documents(
    job: Job, found: Survey, kept: dict[str, int], version: Path, *, copied: bool
) -> Written:
    """Write chunks, vectors, texts and search files of a version, all but its manifest.

    Args:
        job: How to work.
        found: What is the same and what is fresh.
        kept: Address of what is the same -> number of chunks.
        version: Folder of the new version.
        copied: Whether it is a copy of the version before.

    Raises:
        IndexWriteError: The disk refuses.
        IndexCorruptError: The version before is damaged.
        IndexServerError: The server that gets the vectors does not answer.
    """
    before, server = job.previous, job.plan.server
    documents = Documents(found, before.folder, copied)
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
            writer = VersionWriter(version, create=not copied, server=server)
        with closing(search), writer:
            step = _Step(job, documents, cache, search, writer)
            with parsing(found.fresh, lambda: _parser(job), _workers(job)) as parsed:
                for window in windows(documents.read(parsed), job.plan.window_chunks):
                    step(window)
            counts = kept | documents.counts
            with writing(job.db_folder):
                gone = (documents.gone, documents.gone_documents) if copied else ([], [])
                _check(version, writer.finish(*gone), counts)
                outdated = before.manifest and before.manifest.search_version != SEARCH_VERSION
                if documents.changed or outdated:
                    search.write(before.folder)
    return Written(
        counts, documents.refused, cache.embedded, len(documents.gone), documents.changed
    )


def _check(version: Path, stored: Stored, counts: dict[str, int]) -> None:
    chunks, texts = sum(counts.values()), len(counts)
    if stored.chunks not in (None, chunks) or stored.texts != texts:
        raise IndexCorruptError(
            f"the new version {version} has {stored.chunks} chunks and {stored.texts} documents",
            expected=f"{chunks} and {texts}; the version it is made from is damaged",
            action=f"{REBUILD} --rebuild",
        )


class _Step:
    """Embeds a window of documents, and hands it on to the writer and the search files."""

    def __init__(
        self,
        job: Job,
        documents: Documents,
        cache: EmbeddingCache,
        search: SearchFiles,
        writer: VersionWriter,
    ) -> None:
        self._job, self._documents = job, documents
        self._cache, self._search, self._writer = cache, search, writer
        self._stored = self._embedded = 0  # chunks of the windows before
        self._sources = ""  # of the window

    def __call__(self, window: Sequence[Document]) -> None:
        chunks = [chunk for document in window for chunk in document.chunks]
        is_new = [c.id not in document.copied for document in window for c in document.chunks]
        new = np.array(is_new, dtype=bool)
        vectors = np.empty((len(chunks), self._job.embedder.dimension), dtype=np.float32)
        to_write = list(compress(chunks, is_new))
        with writing(self._job.db_folder):
            vectors[new] = self._embed(to_write)
            copied = [chunk.embedded_text for chunk in compress(chunks, ~new)]
            vectors[~new] = self._cache.vectors(copied, self._embedded_again)
            self._search.add(chunks, vectors)
        self._writer.put(
            Window(
                [document.line for document in window],
                to_write,
                vectors[new],
                [(d.address, d.text) for d in window if d.text is not None],
            )
        )

    def _embed(self, chunks: Sequence[Chunk]) -> Vectors:
        self._sources = ", ".join(dict.fromkeys(chunk.source for chunk in chunks))
        before = self._cache.embedded
        vectors = self._cache.vectors([chunk.embedded_text for chunk in chunks], self._ready)
        embedded = self._cache.embedded - before
        self._stored += len(chunks) - embedded
        self._embedded += embedded
        return vectors

    def _ready(self, had: int, got: int) -> None:
        """Chunks that had their vector already are no progress."""
        done, total = self._embedded + got, self._documents.expected - self._stored - had
        self._job.progress("embed", done, max(total, done), "chunks", at=self._sources)

    def _embedded_again(self, _: int, got: int) -> None:
        """Vectors of the version before that are lost."""
        if got:
            self._job.progress("embed", got, None, "chunks")


def _parser(job: Job) -> FileParser:
    embedder = job.embedder
    most = min(job.plan.chunk_tokens, embedder.max_tokens)
    return make_parser(embedder.token_counter(), embedder.passage_prefix, most)


def _workers(job: Job) -> int:
    given = job.plan.workers
    return default_workers() if given is None else given
