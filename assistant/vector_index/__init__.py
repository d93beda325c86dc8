"""Builds, updates and opens the persisted index; knows nothing of questions.

An index folder holds `current` (the name of the version in use), `versions/` (each a
Chroma database with its chunks and its manifest) and `embeddings/` (vectors by content,
kept across builds). A build (`build`, from `survey` to `version_build`) writes a new
version beside the one in use and then replaces `current`.
"""

from __future__ import annotations

from assistant.vector_index.build import build_index
from assistant.vector_index.build_state import BuildState, BuildStateFile, running_build
from assistant.vector_index.chroma import ChromaServer
from assistant.vector_index.durable import writing
from assistant.vector_index.job import BuildOptions
from assistant.vector_index.live import LiveIndex, OpenIndex, open_index, open_version
from assistant.vector_index.manifest import EMBEDDED, Manifest
from assistant.vector_index.ray_engine import RAY_WINDOW, on_ray
from assistant.vector_index.report_page import write_report_page
from assistant.vector_index.store import ChunkStore
from assistant.vector_index.summary import BuildReport
from assistant.vector_index.survey import SourceReport
from assistant.vector_index.versions import build_lock, current_version
from assistant.vector_index.watching import watch

__all__ = [
    "EMBEDDED",
    "RAY_WINDOW",
    "BuildOptions",
    "BuildReport",
    "BuildState",
    "BuildStateFile",
    "ChromaServer",
    "ChunkStore",
    "LiveIndex",
    "Manifest",
    "OpenIndex",
    "SourceReport",
    "build_index",
    "build_lock",
    "current_version",
    "on_ray",
    "open_index",
    "open_version",
    "running_build",
    "watch",
    "write_report_page",
    "writing",
]
