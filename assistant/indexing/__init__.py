"""Builds and updates the persisted index; `build` is the entry point.

`fetching` fetches the sources, `survey` finds new and changed documents, `parsing` splits them
into chunks, and `write_documents` embeds and writes these. `write_version` does so next to the
version in use, and then switches to the new one.
"""

from __future__ import annotations

from assistant.indexing.build import build_index
from assistant.indexing.build_report import BuildReport
from assistant.indexing.build_state import BuildState, BuildStateFile, running_build
from assistant.indexing.fetching import SourceFetcher
from assistant.indexing.job import BuildPlan
from assistant.indexing.ray_engine import on_ray
from assistant.indexing.survey import FileRules, SourceReport
from assistant.indexing.watching import watch

__all__ = [
    "BuildPlan",
    "BuildReport",
    "BuildState",
    "BuildStateFile",
    "FileRules",
    "SourceFetcher",
    "SourceReport",
    "build_index",
    "on_ray",
    "running_build",
    "watch",
]
