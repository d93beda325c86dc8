"""Builds an index source by source, so that a running page answers from each at once."""

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
    """As `build.build`, adding the sources that the index lacks one by one.

    The others are brought up to date with the first of them. Waits for another build first,
    and holds the lock over all steps, so that no other build comes between them. A rebuild
    is one step.

    Args:
        settings: Name sources file and index.
        embedder: The one that the settings name.
        plan: How to build.
        fetch: Gives a source's files, and gives them again; see `SourceFetcher`.
        progress: Told of each stage.
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
        if not lacking or len(had) < len(sources):  # notes those that cannot be fetched
            reports.append(build_from(sources))
        return _together(reports)


def sources_had(settings: Settings, embedder: Embedder) -> list[str]:
    """Names of the sources in the index; none where it cannot be searched with this embedder."""
    version = current_version(settings.db_folder)
    if version is None:
        return []
    try:
        manifest = Manifest.read(version)
        manifest.check_embedder(embedder.identity, embedder.dimension)
        manifest.check_vectors(settings.chroma_url or EMBEDDED)
    except (IndexCorruptError, IndexMismatchError):
        return []  # the next build writes all of it
    return manifest.searchable


def sources_lacking(settings: Settings, embedder: Embedder) -> list[str]:
    """Names of the sources of which the index has nothing, also of those that failed before.

    Folders come first, as they are there at once.
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
    """Build from what the index has and this source; None where the source gives nothing."""
    try:
        fetch(source, progress)
        return build_from({*had, source.name})
    except SourceError:
        return None  # it is asked for again with all the others, and reported then


def _together(reports: Sequence[BuildReport]) -> BuildReport:
    """One report of builds that followed each other."""
    embedded = sum(report.embedded for report in reports)
    return replace(
        reports[-1],
        embedded=embedded,
        reused=reports[-1].chunks - embedded,
        deleted=sum(report.deleted for report in reports),
        changed=any(report.changed for report in reports),
        seconds=sum(report.seconds for report in reports),
    )
