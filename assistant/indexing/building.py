"""A build as the settings say; knows nothing of questions, so that it starts quickly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace

from assistant.documents import Source
from assistant.embeddings import Embedder
from assistant.errors import IndexCorruptError, IndexMismatchError, SourceError
from assistant.index import EMBEDDED, ChromaServer, Manifest, build_lock, current_version, writing
from assistant.indexing import (
    RAY_WINDOW,
    BuildOptions,
    BuildReport,
    BuildStateFile,
    build_index,
    on_ray,
)
from assistant.progress import Progress, silent
from assistant.settings import Settings
from assistant.sources import Checkout, fetch, read_sources


def build(
    settings: Settings,
    embedder: Embedder,
    *,
    server: ChromaServer | None = None,
    offline: bool = False,
    rebuild: bool = False,
    growing: bool = False,
    ray_workers: int | None = None,
    progress: Progress = silent,
) -> BuildReport:
    """Bring the index up to date with the sources file.

    Args:
        settings: Name sources and index.
        embedder: The one that the settings name.
        server: Holds the vectors instead of the index folder.
        offline: Use the clones as they are.
        rebuild: Forget the index and all stored vectors first.
        growing: Add the sources that the index lacks one by one, so that a running app
            answers from each as soon as it is there; the others are updated with the
            first of them. Waits for another build first. Without effect on `rebuild`.
        ray_workers: Embed on Ray with so many workers; 0: as many as it has processors
            for; None: in this process.
        progress: Told of each stage.
    """
    with ExitStack() as ending:
        lock = None
        if growing:  # one lock for all steps, so that no other build comes between them
            with writing(settings.db_folder):
                lock = build_lock(settings.db_folder, wait=True)
            ending.callback(lock.release)
        sources = read_sources(settings.sources_file)
        options = BuildOptions(
            window_chunks=max(
                settings.build_window_chunks, 0 if ray_workers is None else RAY_WINDOW
            ),
            workers=settings.build_workers,
            server=server,
            lock=lock,
            encode=None if ray_workers is None else on_ray(embedder, ray_workers),
        )
        state = BuildStateFile(settings.db_folder)
        ending.callback(state.remove)
        outcomes: dict[str, Checkout | SourceError] = {}

        def fetch_once(source: Source, progress: Progress) -> Checkout:
            if source.name not in outcomes:
                try:
                    outcomes[source.name] = fetch(
                        source,
                        folder=settings.repositories_folder,
                        timeout_seconds=settings.clone_timeout_seconds,
                        offline=offline,
                        progress=progress,
                    )
                except SourceError as error:
                    outcomes[source.name] = error
            if isinstance(outcome := outcomes[source.name], SourceError):
                raise outcome
            return outcome

        def report(stage: str, done: int, total: int | None, unit: str, *, at: str = "") -> None:
            state(stage, done, total, unit)
            progress(stage, done, total, unit, at=at)

        def build_from(names: Collection[str]) -> BuildReport:
            return build_index(
                [source for source in sources if source.name in names],
                fetch_once,
                settings.db_folder,
                embedder,
                chunk_tokens=settings.chunk_tokens,
                max_file_bytes=int(settings.max_file_mb * (1 << 20)),
                python_sources=settings.python_sources,
                rebuild=rebuild,
                options=options,
                progress=report,
            )

        def can_be_had(name: str) -> bool:
            try:
                fetch_once(next(source for source in sources if source.name == name), report)
            except SourceError:
                return False
            return True

        names = [source.name for source in sources]
        if growing and not rebuild and (lacking := sources_lacking(settings, embedder)):
            return _grow(names, lacking, can_be_had, build_from, state)
        return build_from(names)


def sources_had(settings: Settings, used: Embedder) -> list[str]:
    """Names of the sources in the index; none where it cannot be searched with this embedder."""
    version = current_version(settings.db_folder)
    if version is None:
        return []
    try:
        manifest = Manifest.read(version)
        manifest.check_embedder(used.identity, used.dimension)
        manifest.check_vectors(settings.chroma_url or EMBEDDED)
    except (IndexCorruptError, IndexMismatchError):
        return []  # a build writes it anew
    return manifest.searchable


def sources_lacking(settings: Settings, used: Embedder) -> list[str]:
    """Names of the sources of which the index has nothing, also of those that failed before.

    Folders come first, as they are there at once.
    """
    had = sources_had(settings, used)
    lacking = [s for s in read_sources(settings.sources_file) if s.name not in had]
    return [source.name for source in sorted(lacking, key=lambda source: source.folder is None)]


def _grow(
    names: Collection[str],
    lacking: Sequence[str],
    can_be_had: Callable[[str], bool],
    build_from: Callable[[Collection[str]], BuildReport],
    state: BuildStateFile,
) -> BuildReport:
    """Build from what the index has and one source more each time; a report of all together."""
    had = set(names) - set(lacking)
    reports = []
    for step, name in enumerate(lacking, start=1):
        state.begin(name, step, len(lacking))
        if can_be_had(name):
            try:
                reports.append(build_from({*had, name}))
                had.add(name)
            except SourceError:
                continue  # nothing in it can be read; it is tried with the others once more
    if len(had) < len(names):  # notes those that cannot be had
        reports.append(build_from(names))
    embedded = sum(report.embedded for report in reports)
    return replace(
        reports[-1],
        embedded=embedded,
        reused=reports[-1].chunks - embedded,
        deleted=sum(report.deleted for report in reports),
        changed=any(report.changed for report in reports),
        seconds=sum(report.seconds for report in reports),
    )
