"""The models folder: verifies files and notices when they change.

A marker file in a model's folder holds the size, SHA-256 and modification time of every file
at the time of verification. While size and time stay the same, nothing is read again.
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
    """A file as it was when it was verified."""

    size: int
    sha256: str
    modified_ns: int

    @classmethod
    def read(cls, path: Path) -> VerifiedFile:
        """Read all of `path`; takes about a second for each GB."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        status = path.stat()
        return cls(status.st_size, digest.hexdigest(), status.st_mtime_ns)


@dataclass(frozen=True)
class Marker:
    """What was verified, where it came from, and whether it is the whole model."""

    hub: str
    complete: bool
    files: Mapping[str, VerifiedFile]

    @classmethod
    def read(cls, folder: Path) -> Marker | None:
        """Return the marker of `folder`; None where there is none that can be read."""
        try:
            content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                return None
            files = {name: VerifiedFile(**entry) for name, entry in content["files"].items()}
            return cls(content["hub"], content["complete"], files)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Write the marker in one step."""
        unfinished = folder / f"{MARKER}.{os.getpid()}"
        content = json.dumps({"format": _FORMAT, **asdict(self)}, indent=1)
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(folder / MARKER)


def verify(
    folder: Path, announced: Mapping[str, FileFacts], known: Mapping[str, FileFacts]
) -> dict[str, VerifiedFile]:
    """Read what arrived and compare; a file that differs is deleted.

    Args:
        folder: Where it arrived.
        announced: The files, with what the hub says of them.
        known: What is known beforehand of some of them.

    Raises:
        HubError: A file did not arrive.
        VerificationError: A file is not what was announced.
    """
    verified = {}
    for name, expected in announced.items():
        path = folder / name
        if not path.is_file():
            raise HubError(f"{name} did not arrive", expected=name, action="Run it again.")
        verified[name] = VerifiedFile.read(path)
        difference = _difference(name, verified[name], known.get(name, FileFacts()))
        if difference or (difference := _difference(name, verified[name], expected)):
            path.unlink()
            raise VerificationError(
                difference, expected="the announced file", action="Run the command again."
            )
    return verified


def problem_with(folder: Path, model: CatalogueModel) -> str | None:
    """Say why `folder` is not the whole model; empty when there is nothing, None if it is.

    A folder without a marker, brought by hand, is accepted when the needed files are there
    and are what the catalogue says; it gets a marker then.
    """
    marker = Marker.read(folder)
    if marker is not None and marker.complete:
        return _changed(folder, marker)
    there = _files_in(folder)
    lacking = lacking_files(model, there)
    if lacking:
        only_singles = marker is not None and set(there) <= set(marker.files)
        return "" if not there or only_singles else f"{lacking[0]} is missing"
    if not _has_all_shards(folder, there):
        return "parts of the weights are missing"
    files = {name: VerifiedFile.read(folder / name) for name in there}
    for name, file in files.items():
        if difference := _difference(name, file, model.facts(name)):
            return difference
    _write_where_allowed(Marker("by hand", True, files), folder)
    return None


def problem_with_file(folder: Path, name: str, facts: FileFacts) -> str | None:
    """Say why `name` in `folder` cannot be used; empty when it is not there, None if it can."""
    path = folder / name
    if not path.is_file():
        return ""
    marker = Marker.read(folder)
    if marker is not None and name in marker.files:
        return _changed(folder, Marker(marker.hub, marker.complete, {name: marker.files[name]}))
    return _difference(name, VerifiedFile.read(path), facts)


def place_model(arrived: Path, folder: Path, marker: Marker, aside: Path) -> None:
    """Make `arrived` the model's folder in one step; other files of an earlier one are kept."""
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
    """Put one verified file into the model's folder."""
    marker = Marker.read(folder) or Marker(hub, False, {})
    verified = VerifiedFile.read(arrived / name)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (arrived / name).replace(folder / name)
    Marker(marker.hub, marker.complete, {**marker.files, name: verified}).write(folder)


def _changed(folder: Path, marker: Marker) -> str | None:
    """Compare with the marker; a file is read only when its time differs."""
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


def _has_all_shards(folder: Path, there: set[str]) -> bool:
    """Whether every file that the index of split weights names is there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return True
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return shards <= there


def _files_in(folder: Path) -> set[str]:
    """Names of the files in `folder`, without those whose name starts with a dot."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder) for path in paths)
    return {name.as_posix() for name in names if not any(p.startswith(".") for p in name.parts)}


def _write_where_allowed(marker: Marker, folder: Path) -> None:
    try:
        marker.write(folder)
    except OSError as error:
        logger.debug("no marker in %s: %s", folder, error)
