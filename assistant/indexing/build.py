"""Brings an index up to date with its sources.

`survey` finds new and changed documents; if there are any, `write_version` writes a new
version. `growing` builds source by source.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from assistant.documents import Source
from assistant.embeddings.base import Embedder
from assistant.errors import IndexCorruptError, IndexMismatchError
from assistant.index.chroma import ChromaServer
from assistant.index.chunk_store import drop_collection
from assistant.index.manifest import Manifest
from assistant.index.versions import current_version, remove_unused
from assistant.indexing.build_report import BuildReport, build_report
from assistant.indexing.build_state import BuildStateFile
from assistant.indexing.fetching import FetchSource
from assistant.indexing.job import BuildPlan, Job
from assistant.indexing.lock import build_locked
from assistant.indexing.survey import survey
from assistant.indexing.write_version import write_version
from assistant.progress import Progress, silent
from assistant.settings import Settings
from assistant.sources import read_sources


def build(
    settings: Settings,
    embedder: Embedder,
    plan: BuildPlan,
    fetch: FetchSource,
    progress: Progress = silent,
) -> BuildReport:
    """Bring the index in the settings up to date with the sources file in the settings.

    Other programs can follow the progress with `running_build`. Arguments and errors are as
    for `build_index`.

    Raises:
        SourcesFileError: The sources file is missing or invalid.
    """
    sources = read_sources(settings.sources_file)
    with closing(BuildStateFile(settings.db_folder, progress)) as state:
        return build_index(sources, fetch, settings.db_folder, embedder, plan, state)


def build_index(
    sources: Iterable[Source],
    fetch: FetchSource,
    db_folder: Path,
    embedder: Embedder,
    plan: BuildPlan,
    progress: Progress = silent,
) -> BuildReport:
    """Bring the index in `db_folder` up to date with the sources.

    Args:
        sources: The sources, in the order of the report.
        fetch: Returns a source's files, or raises a SourceError, which is reported.
        db_folder: Folder of the index, which gets a new version if anything has changed.
        embedder: The embedder that will also embed questions.
        plan: How to build.
        progress: Receives the progress of each stage.

    Raises:
        IndexBusyError: Another build is writing the index.
        IndexWriteError: The index cannot be written; the version in use is unchanged.
        IndexCorruptError: The version in use is damaged.
        IndexServerError: The server that holds the vectors does not respond.
        SourceError: No source could be fetched.
    """
    with build_locked(db_folder):
        return update_index(sources, fetch, db_folder, embedder, plan, progress)


def update_index(
    sources: Iterable[Source],
    fetch: FetchSource,
    db_folder: Path,
    embedder: Embedder,
    plan: BuildPlan,
    progress: Progress,
) -> BuildReport:
    """Do the work of `build_index`, for callers that already hold the lock."""
    started = time.monotonic()
    _remove_unused(db_folder, plan.server)
    if plan.rebuild:
        shutil.rmtree(db_folder / "embeddings", ignore_errors=True)
    previous, before = (None, None) if plan.rebuild else _previous(db_folder, embedder, plan)
    job = Job(db_folder, embedder, plan, progress, previous, before)
    found = survey(sources, fetch, before, plan.files, progress)
    written = write_version(job, found)
    if written.changed:
        _remove_unused(db_folder, plan.server)
    return build_report(job, found, written, time.monotonic() - started)


def _previous(
    db_folder: Path, embedder: Embedder, plan: BuildPlan
) -> tuple[Path | None, Manifest | None]:
    """The version in use and its manifest; None for each that this build cannot reuse."""
    folder = current_version(db_folder)
    if folder is None:
        return None, None
    try:
        manifest = Manifest.read(folder)
        manifest.check_embedder(embedder.identity, embedder.dimension)
    except (IndexCorruptError, IndexMismatchError):
        return None, None  # everything is rewritten
    return folder, manifest if manifest.splitting == plan.splitting else None


def _remove_unused(db_folder: Path, server: ChromaServer | None) -> None:
    def drop(version: Path) -> None:
        if server is not None:
            drop_collection(version, server)

    remove_unused(db_folder, drop)
