"""Stores calibration measurements in the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from assistant.errors import IndexNotFoundError
from assistant.index.atomic_files import writing
from assistant.index.manifest import REBUILD, Manifest
from assistant.index.versions import current_version
from assistant.indexing.lock import build_locked


def store_calibration(db_folder: Path, calibration: Mapping[str, Any]) -> Manifest:
    """Atomically store a calibration in the manifest of the version in use.

    Builds that update the index keep it.

    Returns:
        The new manifest.

    Raises:
        IndexBusyError: A build is writing the index and may be about to switch versions.
        IndexNotFoundError: There is no index in `db_folder`.
        IndexCorruptError: The manifest cannot be read.
        IndexWriteError: The index cannot be written; the manifest is unchanged.
    """
    if current_version(db_folder) is None:
        raise IndexNotFoundError(
            f"there is no index in {db_folder}", expected="a finished build", action=REBUILD
        )
    with build_locked(db_folder):
        version = current_version(db_folder)
        assert version is not None  # noqa: S101 (a version in use is not removed)
        manifest = replace(Manifest.read(version), calibration=dict(calibration))
        with writing(db_folder):
            manifest.write(version)
    return manifest
