"""Writes a new index version next to the one in use, and switches to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from assistant.errors import IndexServerError
from assistant.index.atomic_files import sync_tree, writing
from assistant.index.chunk_store import drop_collection
from assistant.index.manifest import EMBEDDED, SEARCH_VERSION
from assistant.index.versions import current_version, new_version, switch_to
from assistant.indexing.build_report import Written, manifest_of
from assistant.indexing.job import Job
from assistant.indexing.survey import Survey


def write_version(
    job: Job, found: Survey, *, switch: Callable[[Path, Path], None] = switch_to
) -> Written:
    """Write a version with the surveyed files and switch to it, unless nothing has changed.

    Args:
        job: Parameters of the build.
        found: Survey with the unchanged and the fresh files.
        switch: Called with the index folder and the new version's folder, to put it in use.

    Raises:
        IndexWriteError: The version cannot be written; the one in use is unchanged.
        IndexCorruptError: The version in use is damaged.
        IndexServerError: The server that holds the vectors does not respond.
    """
    before = job.before
    kept = {address: before.files[address].chunks for address in found.same} if before else {}
    written = Written(kept)
    # If no file has to be read, the manifest is known in advance.
    manifest = None if found.fresh else manifest_of(job, found, written)
    if manifest is not None and manifest == before:
        return written
    copied = _can_be_copied(job, found)
    with _new_version(job, copied) as version:
        if not (copied and _same_documents(job, found)):
            from assistant.indexing.write_documents import write_documents  # slow to import

            written = write_documents(job, found, kept, version, copied=copied)
        manifest = manifest or manifest_of(job, found, written)
        if manifest == before and not written.changed:  # files still have no text
            return written
        with writing(job.db_folder):
            manifest.write(version)
            sync_tree(version)
            switch(job.db_folder, version)
    return replace(written, changed=True)


def _can_be_copied(job: Job, found: Survey) -> bool:
    """Whether it is quicker to copy the previous version and write only the differences."""
    if job.before is None or not job.before.vectors == job.plan.vectors_at == EMBEDDED:
        return False
    return len(found.fresh) <= len(found.same)


def _same_documents(job: Job, found: Survey) -> bool:
    """Whether a copy of the previous version is complete, so that only the manifest differs."""
    before = job.before
    if before is None or found.fresh or before.search_version != SEARCH_VERSION:
        return False
    return before.files.keys() == set(found.same)


@contextmanager
def _new_version(job: Job, copied: bool) -> Iterator[Path]:
    """Create the folder of a new version, and remove it afterwards if it is not in use."""
    with writing(job.db_folder):
        version = new_version(job.db_folder, job.previous if copied else None)
    try:
        yield version
    finally:
        # An interruption may come after the switch.
        if version != current_version(job.db_folder):
            _give_up(job, version)


def _give_up(job: Job, version: Path) -> None:
    if job.plan.server is not None:
        try:
            drop_collection(version, job.plan.server)
        except IndexServerError:
            return  # the folder stays, so that the next build tries again
    shutil.rmtree(version, ignore_errors=True)
