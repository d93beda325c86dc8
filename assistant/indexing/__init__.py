"""Builds and updates the persisted index; `build` is the entry point.

`fetching` fetches the sources, `survey` finds new and changed documents, `parsing` splits them
into chunks, and `write_documents` embeds and writes these. `write_version` does so next to the
version in use, and then switches to the new one.
"""

from assistant.indexing.build_report import BuildReport
from assistant.indexing.build_state import BuildState, running_build
from assistant.indexing.fetching import SourceFetcher
from assistant.indexing.watching import watch

__all__ = ["BuildReport", "BuildState", "SourceFetcher", "running_build", "watch"]
