"""Verifies the files in the models folder and notices when they change.

A marker file in a model's folder records the size, SHA-256 and modification time of every
verified file. Files whose size and time are unchanged are not read again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from assistant.errors import HubError, VerificationError
from assistant.model_hub.catalogue import CatalogueModel, FileFacts
from assistant.model_hub.selection import lacking_files

logger = logging.getLogger("assistant.model_hub")

MARKER = ".verified.json"
_FORMAT = 1
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class VerifiedFile:
    """The state of a file at the time of its verification."""

    size: int
    sha256: str
    modified_ns: int

    @classmethod
    def read(cls, path: Path) -> VerifiedFile:
        """Read and hash all of `path`; takes about a second per GB."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        status = path.stat()
        return cls(status.st_size, digest.hexdigest(), status.st_mtime_ns)


@dataclass(frozen=True)
class Marker:
    """The verified files of a model, their hub, and whether they are the complete model."""

    hub: str
    complete: bool
    files: Mapping[str, VerifiedFile]

    @classmethod
    def read(cls, folder: Path) -> Marker | None:
        """Return the marker of `folder`; None if it is missing or unreadable."""
        try:
            content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                return None
            files = {name: VerifiedFile(**entry) for name, entry in content["files"].items()}
            return cls(content["hub"], content["complete"], files)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Write the marker atomically."""
        unfinished = folder / f"{MARKER}.{os.getpid()}"
        content = json.dumps({"format": _FORMAT, **asdict(self)}, indent=1)
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(folder / MARKER)


def verify(
    folder: Path, announced: Mapping[str, FileFacts], known: Mapping[str, FileFacts]
) -> dict[str, VerifiedFile]:
    """Verify downloaded files; one that differs is deleted.

    Args:
        folder: The folder that holds them.
        announced: The files, with size and SHA-256 according to the hub.
        known: Size and SHA-256 of some of them according to the catalogue.

    Raises:
        HubError: A file is missing.
        VerificationError: A file does not match.
    """
    verified = {}
    for name, expected in announced.items():
        path = folder / name
        if not path.is_file():
            raise HubError(
                f"{name} was not downloaded", expected=name, action="Run the command again."
            )
        verified[name] = VerifiedFile.read(path)
        difference = _difference(name, verified[name], known.get(name, FileFacts()))
        if difference or (difference := _difference(name, verified[name], expected)):
            path.unlink()
            raise VerificationError(
                difference, expected="the announced file", action="Run the command again."
            )
    return verified


def problem_with(folder: Path, model: CatalogueModel) -> str | None:
    """Check whether `folder` holds the complete model.

    A folder without a marker, filled by hand, is accepted and given a marker if the required
    files exist and match the catalogue.

    Returns:
        None if the model is complete, an empty string if nothing of it has been downloaded,
        otherwise the problem.
    """
    marker = Marker.read(folder)
    if marker is not None and marker.complete:
        return _changed(folder, marker)
    present = _files_in(folder)
    lacking = lacking_files(model, present)
    if lacking:
        only_singles = marker is not None and set(present) <= set(marker.files)
        return "" if not present or only_singles else f"{lacking[0]} is missing"
    if not _has_all_shards(folder, present):
        return "parts of the weights are missing"
    files = {name: VerifiedFile.read(folder / name) for name in present}
    for name, file in files.items():
        if difference := _difference(name, file, model.facts(name)):
            return difference
    _write_where_allowed(Marker("by hand", True, files), folder)
    return None


def problem_with_file(folder: Path, name: str, facts: FileFacts) -> str | None:
    """Check one file of a model.

    Returns:
        None if the file is valid, an empty string if it does not exist, otherwise the problem.
    """
    path = folder / name
    if not path.is_file():
        return ""
    marker = Marker.read(folder)
    if marker is not None and name in marker.files:
        return _changed(folder, Marker(marker.hub, marker.complete, {name: marker.files[name]}))
    return _difference(name, VerifiedFile.read(path), facts)


def place_model(arrived: Path, folder: Path, marker: Marker, aside: Path) -> None:
    """Make a verified download the model's folder, keeping other files of an earlier one.

    Args:
        arrived: The download; it is moved.
        folder: The model's folder.
        marker: The verified files; any others in `arrived` are deleted.
        aside: A temporary path for the earlier folder.
    """
    for name in _files_in(arrived):
        if name not in marker.files:
            (arrived / name).unlink()
    marker.write(arrived)
    shutil.rmtree(aside, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        for name in set(_files_in(folder)) - set(marker.files):
            (arrived / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).replace(arrived / name)
        folder.replace(aside)
    arrived.replace(folder)
    shutil.rmtree(aside, ignore_errors=True)


def place_file(arrived: Path, folder: Path, name: str, hub: str) -> None:
    """Move one verified file to the model's folder, and add it to the marker."""
    marker = Marker.read(folder) or Marker(hub, False, {})
    verified = VerifiedFile.read(arrived / name)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (arrived / name).replace(folder / name)
    Marker(marker.hub, marker.complete, {**marker.files, name: verified}).write(folder)


def _changed(folder: Path, marker: Marker) -> str | None:
    """The first difference from the marker; files are read only if their time differs."""
    touched = {}
    for name, verified in marker.files.items():
        try:
            status = (folder / name).stat()
        except OSError:
            return f"{name} is missing"
        if status.st_size == verified.size and status.st_mtime_ns != verified.modified_ns:
            touched[name] = VerifiedFile.read(folder / name)
        expected = FileFacts(verified.size, verified.sha256)
        now = touched.get(name, VerifiedFile(status.st_size, verified.sha256, 0))
        if difference := _difference(name, now, expected):
            return difference
    if touched:
        whole = Marker.read(folder) or marker
        files = {**whole.files, **touched}
        _write_where_allowed(Marker(whole.hub, whole.complete, files), folder)
    return None


def _difference(name: str, file: VerifiedFile, expected: FileFacts) -> str | None:
    if expected.size not in (None, file.size):
        return f"{name} has {file.size} bytes instead of {expected.size}"
    if expected.sha256 not in (None, file.sha256):
        return f"{name} has SHA-256 {file.sha256} instead of {expected.sha256}"
    return None


def _has_all_shards(folder: Path, present: set[str]) -> bool:
    """Whether every file named in the index of split weights is present."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return True
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return shards <= present


def _files_in(folder: Path) -> set[str]:
    """Relative paths of the files in `folder`, without hidden files and folders."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder) for path in paths)
    return {name.as_posix() for name in names if not any(p.startswith(".") for p in name.parts)}


def _write_where_allowed(marker: Marker, folder: Path) -> None:
    try:
        marker.write(folder)
    except OSError as error:
        logger.debug("no marker in %s: %s", folder, error)
