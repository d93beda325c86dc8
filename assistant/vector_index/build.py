"""From sources to a new version of the index; knows nothing of models or questions.

`survey` says which documents are new, `parsing` makes chunks of them in other processes,
the embedder works here, window by window, and `writer` writes in a thread of its own.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.documents import Source
from assistant.embeddings.base import Embedder
from assistant.errors import IndexCorruptError, IndexMismatchError, IndexServerError
from assistant.progress import Progress, silent
from assistant.splitter import SPLITTER_VERSION
from assistant.vector_index.changes import Documents, windows
from assistant.vector_index.chroma import ChromaServer
from assistant.vector_index.durable import sync_tree, writing
from assistant.vector_index.embedding_cache import EmbeddingCache, Encode
from assistant.vector_index.manifest import EMBEDDED, FORMAT_VERSION, REBUILD, Manifest
from assistant.vector_index.parsing import FileParser, default_workers, make_parser, parsing
from assistant.vector_index.search_files import write_search_files
from assistant.vector_index.store import drop_collection
from assistant.vector_index.summary import BuildReport, Work, build_report, source_reports
from assistant.vector_index.survey import FetchSource, Survey, survey
from assistant.vector_index.versions import (
    build_lock,
    current_version,
    new_version,
    remove_unused,
    switch_to,
)
from assistant.vector_index.writer import VersionWriter, Window


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How a build works; chunks and vectors do not depend on it.

    Attributes:
        window_chunks: Chunks that are embedded and written together; bounds the memory.
        workers: Processes that parse files; None: by the number of processors.
        encode: Embeds passages instead of the embedder, to the same vectors.
        server: Holds the vectors instead of the index folder.
    """

    window_chunks: int = 1024
    workers: int | None = None
    encode: Encode | None = None
    server: ChromaServer | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """What every step of one build needs."""

    db_folder: Path
    embedder: Embedder
    splitting: dict[str, Any]
    options: BuildOptions
    progress: Progress

    @property
    def vectors_at(self) -> str:
        return self.options.server.url if self.options.server else EMBEDDED


def build_index(
    sources: Iterable[Source],
    fetch: FetchSource,
    db_folder: Path,
    embedder: Embedder,
    *,
    chunk_tokens: int,
    max_file_bytes: int,
    python_sources: bool = False,
    rebuild: bool = False,
    options: BuildOptions | None = None,
    progress: Progress = silent,
) -> BuildReport:
    """Bring the index in `db_folder` up to date with the sources.

    Args:
        sources: In the order to report them.
        fetch: Gives a source's files, or raises a SourceError, which is reported.
        db_folder: Gets a new version, which is switched to at the end.
        embedder: The same that will embed questions.
        chunk_tokens: Most tokens in one chunk, context included.
        max_file_bytes: Larger files are skipped.
        python_sources: Whether Python files are taken.
        rebuild: Forget the version in use and every stored vector.
        options: How to work.
        progress: Told of each stage.

    Raises:
        IndexBusyError: Another build is writing the folder.
        IndexWriteError: The disk refuses; the index in use is unchanged.
        IndexServerError: The server that gets the vectors does not answer.
        SourceError: No source could be had, so that there is nothing to index.
    """
    started = time.monotonic()
    splitting = _splitting(chunk_tokens, python_sources)
    job = _Job(db_folder, embedder, splitting, options or BuildOptions(), progress)
    with writing(db_folder):
        lock = build_lock(db_folder)
    try:
        _remove_unused(job)
        if rebuild:
            shutil.rmtree(db_folder / "embeddings", ignore_errors=True)
        folder, before = (None, None) if rebuild else _previous(job)
        found = survey(
            sources,
            fetch,
            before,
            max_file_bytes=max_file_bytes,
            python_sources=python_sources,
            progress=progress,
        )
        work = Work({a: before.files[a][1] for a in found.same} if before else {})
        changed = bool(found.fresh) or _manifest(job, found, work, before) != before
        if changed:
            _write_version(job, found, work, folder, before)
            _remove_unused(job)
    finally:
        lock.release()
    seconds = time.monotonic() - started
    return build_report(found, work, before, changed=changed, seconds=seconds)


def _splitting(chunk_tokens: int, python_sources: bool) -> dict[str, Any]:
    return {"version": SPLITTER_VERSION, "chunk_tokens": chunk_tokens, "python": python_sources}


def _previous(job: _Job) -> tuple[Path | None, Manifest | None]:
    """The version in use and its manifest; None for what this build cannot take over."""
    folder = current_version(job.db_folder)
    if folder is None:
        return None, None
    try:
        manifest = Manifest.read(folder)
        manifest.check_embedder(job.embedder.identity, job.embedder.dimension)
    except (IndexCorruptError, IndexMismatchError):
        return None, None  # everything is written anew
    usable = manifest.format_version == FORMAT_VERSION and manifest.splitting == job.splitting
    return folder, manifest if usable else None


def _remove_unused(job: _Job) -> None:
    server = job.options.server

    def drop(version: Path) -> None:
        if server is not None:
            drop_collection(version, server)

    remove_unused(job.db_folder, drop)


def _manifest(job: _Job, found: Survey, work: Work, before: Manifest | None) -> Manifest:
    reports = source_reports(found, work.counts, before)
    links = {c.source.name: c.source.link for c in found.checkouts if not isinstance(c, tuple)}
    return Manifest(
        embedder=job.embedder.identity,
        dimension=job.embedder.dimension,
        splitting=job.splitting,
        chunks=sum(work.counts.values()),
        sources={
            r.name: {
                "commit": r.commit,
                "link": links.get(r.name),
                "files": r.files,
                "chunks": r.chunks,
            }
            for r in reports
        },
        files={a: [found.fingerprints[a], count] for a, count in sorted(work.counts.items())},
        skipped=dict(sorted((found.skipped | work.refused).items())),
        unread=found.unread | {a: found.fingerprints[a] for a in work.refused},
        vectors=job.vectors_at,
        calibration=before.calibration if before else {},
    )


def _write_version(
    job: _Job, found: Survey, work: Work, folder: Path | None, before: Manifest | None
) -> None:
    """Write a new version beside the one in use and switch to it."""
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
        version = new_version(job.db_folder, folder if copied else None)
    writer = None
    try:
        with writing(job.db_folder):
            writer = VersionWriter(version, create=not copied, server=job.options.server)
        _embed_and_write(job, found, documents, cache, writer)
        work.embedded = cache.embedded
        work.counts |= documents.counts
        work.refused, work.deleted = documents.refused, len(documents.gone)
        with writing(job.db_folder):
            count = writer.finish(documents.gone if copied else [])
        manifest = _manifest(job, found, work, before)
        _check_count(version, count, manifest.chunks)
        with writing(job.db_folder):
            if documents.changed:
                write_search_files(version, job.embedder.dimension, cache.vectors)
            sync_tree(version)
            manifest.write(version)
            switch_to(job.db_folder, version)
    except BaseException:
        _give_up(job, version, writer)
        raise
    finally:
        cache.close()


def _give_up(job: _Job, version: Path, writer: VersionWriter | None) -> None:
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
    job: _Job, found: Survey, documents: Documents, cache: EmbeddingCache, writer: VersionWriter
) -> None:
    """Everything up to the last window."""
    done = 0

    def ready(count: int) -> None:
        job.progress("embed", done + count, max(documents.expected, done + count), "chunks")

    with parsing(found.fresh, lambda: _parser(job), _workers(job)) as parsed:
        for window in windows(documents.read(parsed), job.options.window_chunks):
            chunks = [chunk for document in window for chunk in document.write]
            with writing(job.db_folder):
                vectors = cache.vectors([chunk.embedded_text for chunk in chunks], ready)
            done += len(chunks)
            writer.put(Window([document.line for document in window], chunks, vectors))


def _parser(job: _Job) -> FileParser:
    embedder = job.embedder
    most = min(job.splitting["chunk_tokens"], embedder.max_tokens)
    return make_parser(embedder.token_counter(), embedder.passage_prefix, most)


def _workers(job: _Job) -> int:
    given = job.options.workers
    return default_workers() if given is None else given
