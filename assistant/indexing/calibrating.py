"""Keeps what was measured on an index with it; knows nothing of what the numbers mean."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from assistant.errors import IndexNotFoundError
from assistant.index.atomic_files import sync_folder, writing
from assistant.index.manifest import REBUILD, Manifest
from assistant.index.versions import build_lock, current_version


def store_calibration(db_folder: Path, calibration: Mapping[str, Any]) -> Manifest:
    """Put a calibration into the manifest of the version in use, in one atomic step.

    Builds that update the index keep it. Returns the new manifest.

    Raises:
        IndexBusyError: A build is writing the index, and may be about to switch.
        IndexNotFoundError: Nothing was built in `db_folder`.
        IndexWriteError: The disk refuses; the manifest is unchanged.
    """
    if current_version(db_folder) is None:
        raise IndexNotFoundError(
            f"there is no index in {db_folder}", expected="a finished build", action=REBUILD
        )
    with writing(db_folder):
        lock = build_lock(db_folder)
    try:
        version = current_version(db_folder)
        assert version is not None  # a version in use is not removed
        manifest = replace(Manifest.read(version), calibration=dict(calibration))
        with writing(db_folder):
            _replace(version, manifest)
    finally:
        lock.release()
    return manifest


def _replace(version: Path, manifest: Manifest) -> None:
    with tempfile.TemporaryDirectory(dir=version, prefix="manifest-") as beside:
        manifest.write(Path(beside))
        for file in Path(beside).iterdir():
            file.replace(version / file.name)
    sync_folder(version)
