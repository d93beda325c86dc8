"""From sources to an up-to-date index; knows nothing of models or questions.

`survey` says which documents are new; where there are any, `version_build` writes a new
version.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assistant.documents import Source
from assistant.embeddings.base import Embedder
from assistant.errors import IndexCorruptError, IndexMismatchError
from assistant.index.atomic_files import writing
from assistant.index.chunk_store import drop_collection
from assistant.index.manifest import FORMAT_VERSION, Manifest
from assistant.index.versions import build_lock, current_version, remove_unused
from assistant.indexing.build_report import BuildReport, Work, build_report
from assistant.indexing.job import BuildOptions, Job, manifest_of
from assistant.indexing.survey import FetchSource, survey
from assistant.progress import Progress, silent
from assistant.splitter import SPLITTER_VERSION


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
    job = Job(db_folder, embedder, splitting, options or BuildOptions(), progress)
    with writing(db_folder):
        lock = build_lock(db_folder, held=job.options.lock)
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
        changed = bool(found.fresh) or manifest_of(job, found, work, before) != before
        if changed:
            from assistant.indexing.write_version import write_version  # heavy

            changed = write_version(job, found, work, folder, before)
            _remove_unused(job)
    finally:
        lock.release()
    seconds = time.monotonic() - started
    return build_report(found, work, before, changed=changed, seconds=seconds)


def _splitting(chunk_tokens: int, python_sources: bool) -> dict[str, Any]:
    return {"version": SPLITTER_VERSION, "chunk_tokens": chunk_tokens, "python": python_sources}


def _previous(job: Job) -> tuple[Path | None, Manifest | None]:
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


def _remove_unused(job: Job) -> None:
    server = job.options.server

    def drop(version: Path) -> None:
        if server is not None:
            drop_collection(version, server)

    remove_unused(job.db_folder, drop)
