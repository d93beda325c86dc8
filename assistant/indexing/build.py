"""From sources to an up-to-date index: the way into this room.

`survey` says which documents are new; where there are any, `write_version` writes a new
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
    """Bring the index that the settings name up to date with their sources file.

    Other programs can see with `running_build` how far it is. Arguments and errors are those
    of `build_index`.
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
        sources: In the order to report them.
        fetch: Gives a source's files, or raises a SourceError, which is reported.
        db_folder: Gets a new version, which is switched to at the end.
        embedder: The same that will embed questions.
        plan: How to build.
        progress: Told of each stage.

    Raises:
        IndexBusyError: Another build is writing the folder.
        IndexWriteError: The disk refuses; the index in use is unchanged.
        IndexCorruptError: The version in use is damaged.
        IndexServerError: The server that gets the vectors does not answer.
        SourceError: No source could be fetched, so that there is nothing to index.
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
    """`build_index`, for those that hold the lock already."""
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
    """The version in use and its manifest; None for what this build cannot take over."""
    folder = current_version(db_folder)
    if folder is None:
        return None, None
    try:
        manifest = Manifest.read(folder)
        manifest.check_embedder(embedder.identity, embedder.dimension)
    except (IndexCorruptError, IndexMismatchError):
        return None, None  # everything is written again
    return folder, manifest if manifest.splitting == plan.splitting else None


def _remove_unused(db_folder: Path, server: ChromaServer | None) -> None:
    def drop(version: Path) -> None:
        if server is not None:
            drop_collection(version, server)

    remove_unused(db_folder, drop)
