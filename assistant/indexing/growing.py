"""Builds an index source by source, so that a running page can use each as soon as possible."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import replace

from assistant.documents import Source
from assistant.embeddings.base import Embedder
from assistant.errors import IndexCorruptError, IndexMismatchError, SourceError
from assistant.index.manifest import EMBEDDED, Manifest
from assistant.index.versions import current_version
from assistant.indexing.build import update_index
from assistant.indexing.build_report import BuildReport
from assistant.indexing.build_state import BuildStateFile
from assistant.indexing.fetching import FetchSource
from assistant.indexing.job import BuildPlan
from assistant.indexing.lock import build_locked
from assistant.progress import Progress, silent
from assistant.settings import Settings
from assistant.sources import read_sources

_BuildFrom = Callable[[Collection[str]], BuildReport]


def build_growing(
    settings: Settings,
    embedder: Embedder,
    plan: BuildPlan,
    fetch: FetchSource,
    progress: Progress = silent,
) -> BuildReport:
    """Update an index like `build.build`, but add missing sources one at a time.

    The first step also updates the sources already in the index. Waits for any other build,
    and holds the lock throughout. A rebuild is a single step.

    Args:
        settings: Provide sources file and index folder.
        embedder: The embedder that will also embed questions.
        plan: How to build.
        fetch: Returns a source's files; called repeatedly, see `SourceFetcher`.
        progress: Receives the progress of each stage.

    Raises:
        SourcesFileError: The sources file is missing or invalid.
        IndexWriteError: The index cannot be written; the version in use is unchanged.
        IndexCorruptError: The version in use is damaged.
        IndexServerError: The server that holds the vectors does not respond.
        SourceError: No source could be fetched.
    """
    db_folder = settings.db_folder
    state = BuildStateFile(db_folder, progress)
    with build_locked(db_folder, wait=True), closing(state):
        sources = {source.name: source for source in read_sources(settings.sources_file)}

        def build_from(names: Collection[str]) -> BuildReport:
            chosen = [source for source in sources.values() if source.name in names]
            return update_index(chosen, fetch, db_folder, embedder, plan, state)

        lacking = [] if plan.rebuild else sources_lacking(settings, embedder)
        had = sources.keys() - set(lacking)
        reports = []
        for step, name in enumerate(lacking, start=1):
            state.begin(name, step, len(lacking))
            if report := _with_one_more(sources[name], had, fetch, build_from, state):
                reports.append(report)
                had.add(name)
        if not lacking or len(had) < len(sources):  # also reports those that cannot be fetched
            reports.append(build_from(sources))
        return _together(reports)


def sources_had(settings: Settings, embedder: Embedder) -> list[str]:
    """Names of the sources in the index; none if this embedder cannot search it."""
    version = current_version(settings.db_folder)
    if version is None:
        return []
    try:
        manifest = Manifest.read(version)
        manifest.check_embedder(embedder.identity, embedder.dimension)
        manifest.check_vectors(settings.chroma_url or EMBEDDED)
    except (IndexCorruptError, IndexMismatchError):
        return []  # the next build rewrites everything
    return manifest.searchable


def sources_lacking(settings: Settings, embedder: Embedder) -> list[str]:
    """Names of the sources that are not in the index, including those that failed before.

    Folders come first, since they need no download.

    Raises:
        SourcesFileError: The sources file is missing or invalid.
    """
    had = sources_had(settings, embedder)
    lacking = [s for s in read_sources(settings.sources_file) if s.name not in had]
    return [source.name for source in sorted(lacking, key=lambda source: source.folder is None)]


def _with_one_more(
    source: Source,
    had: Collection[str],
    fetch: FetchSource,
    build_from: _BuildFrom,
    progress: Progress,
) -> BuildReport | None:
    """Build from the sources in the index and one more; None if that cannot be fetched."""
    try:
        fetch(source, progress)
        return build_from({*had, source.name})
    except SourceError:
        return None  # the final build with all sources reports it


def _together(reports: Sequence[BuildReport]) -> BuildReport:
    """Combine the reports of consecutive builds."""
    embedded = sum(report.embedded for report in reports)
    return replace(
        reports[-1],
        embedded=embedded,
        reused=reports[-1].chunks - embedded,
        deleted=sum(report.deleted for report in reports),
        changed=any(report.changed for report in reports),
        seconds=sum(report.seconds for report in reports),
    )
