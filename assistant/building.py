"""A build as the settings say; knows nothing of questions, so that it starts quickly."""

from __future__ import annotations

from pathlib import Path

from assistant.embeddings import Embedder, load_embedder
from assistant.model_hub import Endpoints, ModelHub
from assistant.progress import Progress, silent
from assistant.settings import Settings
from assistant.sources import fetch, read_sources
from assistant.vector_index import (
    RAY_WINDOW,
    BuildOptions,
    BuildReport,
    ChromaServer,
    build_index,
    on_ray,
    open_version,
    write_report_page,
)


def model_hub(settings: Settings, progress: Progress = silent) -> ModelHub:
    """The hubs in the configured order."""
    return ModelHub(
        folder=settings.models_folder,
        order=settings.hubs,
        check_seconds=settings.hub_check_seconds,
        timeout_seconds=settings.download_timeout_seconds,
        progress=progress,
        endpoints=Endpoints(
            huggingface=settings.huggingface_endpoint,
            huggingface_offline=settings.huggingface_offline,
            modelscope=settings.modelscope_endpoint,
        ),
    )


def embedder(settings: Settings, progress: Progress = silent) -> Embedder:
    """The one embedder of build and query, downloaded if it is not there."""
    return load_embedder(model_hub(settings, progress).fetch(settings.embedder))


def build(
    settings: Settings,
    *,
    offline: bool = False,
    rebuild: bool = False,
    ray_workers: int | None = None,
    used: Embedder | None = None,
    progress: Progress = silent,
) -> BuildReport:
    """Bring the index up to date with the sources file.

    Args:
        settings: Name sources, index, embedder and server.
        offline: Use the clones as they are.
        rebuild: Forget the index and all stored vectors first.
        ray_workers: Embed on Ray with so many workers; 0: as many as it has processors
            for; None: in this process.
        used: The embedder that the settings name, if it is there from a build before.
        progress: Told of each stage.
    """
    sources = read_sources(settings.sources_file)
    used = used or embedder(settings, progress)
    options = BuildOptions(
        window_chunks=max(settings.build_window_chunks, 0 if ray_workers is None else RAY_WINDOW),
        workers=settings.build_workers,
        server=chroma_server(settings),
        encode=None if ray_workers is None else on_ray(used, ray_workers),
    )
    return build_index(
        sources,
        lambda source, progress: fetch(
            source,
            folder=settings.repositories_folder,
            timeout_seconds=settings.clone_timeout_seconds,
            offline=offline,
            progress=progress,
        ),
        settings.db_folder,
        used,
        chunk_tokens=settings.chunk_tokens,
        max_file_bytes=int(settings.max_file_mb * (1 << 20)),
        python_sources=settings.python_sources,
        rebuild=rebuild,
        options=options,
        progress=progress,
    )


def write_index_report(settings: Settings, file: Path, used: Embedder | None = None) -> None:
    """A page about the index in use; `used` is as in `build`."""
    used = used or embedder(settings)
    opened = open_version(settings.db_folder, used, chroma_server(settings))
    write_report_page(file, opened.folder, opened.manifest, opened.store)
    opened.close()


def chroma_server(settings: Settings) -> ChromaServer | None:
    """The server that holds the vectors; None: the index folder does."""
    if not settings.chroma_url:
        return None
    return ChromaServer(settings.chroma_url, settings.chroma_token, settings.chroma_token_header)
