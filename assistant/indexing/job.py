"""What every step of one build needs, and the manifest that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from assistant.embeddings.base import Embedder
from assistant.index.chroma import ChromaServer
from assistant.index.manifest import EMBEDDED, SEARCH_VERSION, Manifest
from assistant.indexing.build_report import Work, source_reports
from assistant.indexing.embedding_cache import Encode
from assistant.indexing.survey import Survey
from assistant.progress import Progress


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How a build works; chunks and vectors do not depend on it.

    Attributes:
        window_chunks: Chunks that are embedded and written together; bounds the memory.
        workers: Processes that parse files; None: by the number of processors.
        encode: Embeds passages instead of the embedder, to the same vectors.
        server: Holds the vectors instead of the index folder.
        lock: What `build_lock` gave to whoever makes several builds in a row.
    """

    window_chunks: int = 1024
    workers: int | None = None
    encode: Encode | None = None
    server: ChromaServer | None = None
    lock: FileLock | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What every step of one build needs."""

    db_folder: Path
    embedder: Embedder
    splitting: dict[str, Any]
    options: BuildOptions
    progress: Progress

    @property
    def vectors_at(self) -> str:
        """As the manifest names the place."""
        return self.options.server.url if self.options.server else EMBEDDED


def manifest_of(job: Job, found: Survey, work: Work, before: Manifest | None) -> Manifest:
    """The manifest of an index that holds what was found; `before` is what it started from."""
    reports = source_reports(found, work.counts, before)
    outcomes = {outcome.name: outcome for outcome in found.outcomes}
    return Manifest(
        embedder=job.embedder.identity,
        dimension=job.embedder.dimension,
        splitting=job.splitting,
        chunks=sum(work.counts.values()),
        sources={
            r.name: {
                "commit": r.commit,
                "link": outcomes[r.name].link,
                "origins": outcomes[r.name].origins,
                "files": r.files,
                "chunks": r.chunks,
            }
            for r in reports
        },
        files={a: [found.fingerprints[a], count] for a, count in sorted(work.counts.items())},
        skipped=dict(sorted((found.skipped | work.refused).items())),
        unread=found.unread | {address: found.fingerprints[address] for address in work.refused},
        vectors=job.vectors_at,
        calibration=before.calibration if before else {},
        search_version=SEARCH_VERSION,
    )
