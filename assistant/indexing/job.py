"""What is to be built, and how."""

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
    """How an index is built.

    Chunks and vectors depend on the first two attributes alone.

    Attributes:
        chunk_tokens: Most tokens in one chunk, context included.
        files: Which files are read.
        rebuild: Forget the version in use and every stored vector first.
        window_chunks: Chunks that are embedded and written together; bounds the memory.
        workers: Processes that parse files; None: by the number of processors.
        encode: Embeds passages instead of the embedder, to the same vectors.
        server: Holds the vectors instead of the index folder.
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
        """What chunks depend on besides the files, for the manifest."""
        return {
            "version": SPLITTER_VERSION,
            "chunk_tokens": self.chunk_tokens,
            "python": self.files.python_sources,
        }

    @property
    def vectors_at(self) -> str:
        """Where the vectors will be, as the manifest names it."""
        return self.server.url if self.server else EMBEDDED


def plan_of(
    settings: Settings,
    embedder: Embedder,
    server: ChromaServer | None,
    *,
    rebuild: bool = False,
    ray_workers: int | None = None,
) -> BuildPlan:
    """The plan that the settings describe.

    Args:
        settings: Sizes and limits.
        embedder: The one that the settings name.
        server: The one that the settings name, if they do.
        rebuild: Forget the index and all stored vectors first.
        ray_workers: Embed on Ray with so many workers; 0: one for each of its processors;
            None: in this process.

    Raises:
        SettingsError: Ray is wanted and not installed.
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
    """What every step of one build needs.

    Attributes:
        db_folder: Gets the new version.
        embedder: The same that will embed questions.
        plan: How to build.
        progress: Told of each stage.
        previous: Folder of the version in use, if there is one that this build can use.
        before: Its manifest, if its chunks can be taken over.
    """

    db_folder: Path
    embedder: Embedder
    plan: BuildPlan
    progress: Progress
    previous: Path | None = None
    before: Manifest | None = None
