"""Builds and updates the persisted index.

`survey` says which documents are new, `parsing` makes chunks of them, `write_version` embeds
and writes a new version beside the one in use and switches to it.
"""

from __future__ import annotations

from assistant.indexing.build import build_index
from assistant.indexing.build_report import BuildReport
from assistant.indexing.build_state import BuildState, BuildStateFile, running_build
from assistant.indexing.job import BuildOptions
from assistant.indexing.ray_engine import RAY_WINDOW, on_ray
from assistant.indexing.survey import SourceReport
from assistant.indexing.watching import watch

__all__ = [
    "RAY_WINDOW",
    "BuildOptions",
    "BuildReport",
    "BuildState",
    "BuildStateFile",
    "SourceReport",
    "build_index",
    "on_ray",
    "running_build",
    "watch",
]
