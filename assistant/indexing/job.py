"""Parameters of a build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.embeddings.base import Embedder
from assistant.index.chroma import ChromaServer
from assistant.index.manifest import EMBEDDED, Manifest
from assistant.indexing.embedding_cache import Encode
from assistant.indexing.ray_engine import RAY_WINDOW, on_ray
from assistant.indexing.survey import FileRules
from assistant.progress import Progress
from assistant.settings import Settings
from assistant.splitter import SPLITTER_VERSION


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """How to build an index; chunks and vectors depend only on the first two attributes.

    Attributes:
        chunk_tokens: Most tokens in a chunk, including its context line.
        files: Which files to read.
        rebuild: Ignore the version in use, and delete all cached vectors first.
        window_chunks: Number of chunks to embed and write together; bounds memory.
        workers: Number of parser processes; None chooses by the number of processors.
        encode: Replaces the embedder for passages, with the same vectors; None keeps it.
        server: Server that holds the vectors; None keeps them in the index folder.
    """

    chunk_tokens: int
    files: FileRules
    rebuild: bool = False
    window_chunks: int = 1024
    workers: int | None = None
    encode: Encode | None = None
    server: ChromaServer | None = None

    @property
    def splitting(self) -> dict[str, Any]:
        """Parameters that chunks depend on besides the files, for the manifest."""
        return {
            "version": SPLITTER_VERSION,
            "chunk_tokens": self.chunk_tokens,
            "python": self.files.python_sources,
        }

    @property
    def vectors_at(self) -> str:
        """Location of the vectors, as recorded in the manifest."""
        return self.server.url if self.server else EMBEDDED


def plan_of(
    settings: Settings,
    embedder: Embedder,
    server: ChromaServer | None,
    *,
    rebuild: bool = False,
    ray_workers: int | None = None,
) -> BuildPlan:
    """Return the plan that the settings describe.

    Args:
        settings: Sizes and limits.
        embedder: The embedder in the settings.
        server: The Chroma server in the settings, if any.
        rebuild: See `BuildPlan`.
        ray_workers: Number of Ray workers to embed with; 0 for one per processor of the
            cluster, None to embed in this process.

    Raises:
        SettingsError: Ray is requested but not installed.
    """
    return BuildPlan(
        chunk_tokens=settings.chunk_tokens,
        files=FileRules(int(settings.max_file_mb * (1 << 20)), settings.python_sources),
        rebuild=rebuild,
        window_chunks=max(settings.build_window_chunks, 0 if ray_workers is None else RAY_WINDOW),
        workers=settings.build_workers,
        encode=None if ray_workers is None else on_ray(embedder, ray_workers),
        server=server,
    )


@dataclass(frozen=True, slots=True)
class Job:
    """The parameters that all steps of a build share.

    Attributes:
        db_folder: Folder of the index.
        embedder: The embedder that will also embed questions.
        plan: How to build.
        progress: Receives the progress of each stage.
        previous: Folder of the version in use, if this build can use it.
        before: Manifest of that version, if its chunks can be reused.
    """

    db_folder: Path
    embedder: Embedder
    plan: BuildPlan
    progress: Progress
    previous: Path | None = None
    before: Manifest | None = None
