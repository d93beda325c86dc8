"""Writes a new version of the index beside the one in use, and switches to it.

`parsing` makes chunks in other processes, the embedder works here, window by window,
and `writer` writes in a thread of its own.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from assistant.errors import IndexCorruptError, IndexServerError
from assistant.index.atomic_files import sync_tree, writing
from assistant.index.chunk_store import drop_collection
from assistant.index.manifest import EMBEDDED, REBUILD, SEARCH_VERSION, Manifest
from assistant.index.versions import current_version, new_version, switch_to
from assistant.indexing.build_report import Work
from assistant.indexing.changes import Documents, windows
from assistant.indexing.embedding_cache import EmbeddingCache
from assistant.indexing.job import Job, manifest_of
from assistant.indexing.parsing import FileParser, default_workers, make_parser, parsing
from assistant.indexing.search_files import write_search_files
from assistant.indexing.survey import Survey
from assistant.indexing.writer import VersionWriter, Window
from assistant.processes import core_count


def write_version(
    job: Job, found: Survey, work: Work, folder: Path | None, before: Manifest | None
) -> bool:
    """Write the version that holds what was found, and switch to it.

    Args:
        job: How to work.
        found: What is the same and what is fresh.
        work: Gets what became of it.
        folder: Of the version in use, if there is one.
        before: Its manifest, if its chunks can be taken over.

    Returns:
        Whether it differs from the version in use, which stays where it does not.

    Raises:
        IndexWriteError: The disk refuses; the index in use is unchanged.
        IndexCorruptError: The version in use is damaged.
        IndexServerError: The server that gets the vectors does not answer.
    """
    copied = (
        before is not None
        and before.vectors == job.vectors_at == EMBEDDED
        and len(found.fresh) <= len(found.same)
    )
    documents = Documents(found, folder, copied)
    with writing(job.db_folder):
        cache = EmbeddingCache(
            job.db_folder / "embeddings",
            job.embedder.identity,
            job.embedder.dimension,
            job.options.encode or job.embedder.passage_batches,
        )
    version = writer = None

    def again(_: int, got: int) -> None:
        """Vectors of the version before that are lost."""
        if got:
            job.progress("embed", got, None, "chunks")

    try:
        with writing(job.db_folder):
            version = new_version(job.db_folder, folder if copied else None)
            writer = VersionWriter(version, create=not copied, server=job.options.server)
        _embed_and_write(job, found, documents, cache, writer)
        work.counts |= documents.counts
        work.refused, work.deleted = documents.refused, len(documents.gone)
        with writing(job.db_folder):
            count = writer.finish(documents.gone if copied else [])
        manifest = manifest_of(job, found, work, before)
        if manifest == before and not documents.changed:  # files were refused once more
            _give_up(job, version, writer)
            return False
        _check_count(version, count, manifest.chunks)
        with writing(job.db_folder):
            if documents.changed or before is None or before.search_version != SEARCH_VERSION:
                write_search_files(
                    version, job.embedder.dimension, partial(cache.vectors, ready=again), folder
                )
            work.embedded = cache.embedded
            manifest.write(version)
            sync_tree(version)
            switch_to(job.db_folder, version)
        return True
    except BaseException:
        # An interruption may come when the version is already the one in use.
        if version is not None and version != current_version(job.db_folder):
            _give_up(job, version, writer)
        raise
    finally:
        cache.close()


def _give_up(job: Job, version: Path, writer: VersionWriter | None) -> None:
    if writer is not None:
        writer.stop()
    if job.options.server is not None:
        try:
            drop_collection(version, job.options.server)
        except IndexServerError:
            return  # the folder tells the next build to do it
    shutil.rmtree(version, ignore_errors=True)


def _check_count(version: Path, count: int | None, expected: int) -> None:
    if count is not None and count != expected:
        raise IndexCorruptError(
            f"the new version {version} has {count} chunks",
            expected=f"{expected}; the version it is made from is damaged",
            action=f"{REBUILD} --rebuild",
        )


def _embed_and_write(
    job: Job, found: Survey, documents: Documents, cache: EmbeddingCache, writer: VersionWriter
) -> None:
    """Everything up to the last window; what has its vector already is no progress."""
    stored = embedded = 0
    sources = ""  # of the window

    def ready(had: int, got: int) -> None:
        done, total = embedded + got, documents.expected - stored - had
        job.progress("embed", done, max(total, done), "chunks", at=sources)

    with parsing(found.fresh, lambda: _parser(job), _workers(job)) as parsed:
        for window in windows(documents.read(parsed), job.options.window_chunks):
            chunks = [chunk for document in window for chunk in document.write]
            sources = ", ".join(dict.fromkeys(chunk.source for chunk in chunks))
            with writing(job.db_folder):
                vectors = cache.vectors([chunk.embedded_text for chunk in chunks], ready)
            stored += len(chunks) - (cache.embedded - embedded)
            embedded = cache.embedded
            writer.put(Window([document.line for document in window], chunks, vectors))


def _parser(job: Job) -> FileParser:
    embedder = job.embedder
    most = min(job.splitting["chunk_tokens"], embedder.max_tokens)
    return make_parser(embedder.token_counter(), embedder.passage_prefix, most)


def _workers(job: Job) -> int:
    given = job.options.workers
    return default_workers(core_count()) if given is None else given
