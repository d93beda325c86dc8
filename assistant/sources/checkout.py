"""Puts a source's files on disk, from the first address that delivers them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from assistant.documents import Source
from assistant.errors import (
    RevisionNotFoundError,
    SourceError,
    SourceNotFoundError,
    SourceUnreachableError,
)
from assistant.progress import Progress, silent
from assistant.project import as_typed
from assistant.sources.clones import Clone, NoSuchRevisionError, Reached, pack_bytes
from assistant.sources.git import GitCommandError, without_password

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
_OTHER_ADDRESS = "Correct it in the sources file, or add a mirror."


@dataclass(frozen=True, slots=True)
class Checkout:
    """A source whose files are on disk.

    Attributes:
        source: The source.
        folder: The folder that holds its files.
        commit: The commit of the files; empty for a folder.
        status: "ok", or "kept" for a clone that could not be updated and stays at its last
            commit.
        reason: Why it was kept; empty if it was not.
    """

    source: Source
    folder: Path
    commit: str
    status: Literal["ok", "kept"] = "ok"
    reason: str = ""


def fetch(
    source: Source,
    *,
    folder: Path,
    timeout_seconds: float,
    offline: bool = False,
    progress: Progress = silent,
) -> Checkout:
    """Put a source's files on disk.

    Args:
        source: A folder is used in place; of a repository, only the wanted files are fetched.
        folder: Parent folder of all clones. A clone is locked while a process works on it.
        timeout_seconds: Limit for one git command, and for waiting on another process.
        offline: Use the existing clone without contacting any address.
        progress: Receives the number of bytes fetched, twice a second; may raise to abort.

    Raises:
        SourceNotFoundError: The folder does not exist, or no address has the repository.
        SourceUnreachableError: No address responds and there is no earlier clone.
        RevisionNotFoundError: The repository has no such branch, tag or commit.
        SourceError: The source cannot be used for any other reason.
    """
    if source.folder is not None:
        return _local(source, source.folder)
    clone = Clone(source, folder, timeout_seconds, progress)
    try:
        if offline:
            return _existing_clone(clone, timeout_seconds, progress)
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(clone, timeout_seconds, progress):
            clone.recover()
            return _from_addresses(clone, progress)
    except OSError as error:
        raise SourceError(
            f"the clone {clone.folder} cannot be used: {error}",
            expected=f"read and write access to {folder}",
            action="Free disk space or change the permissions, then run the command again.",
        ) from error


def _local(source: Source, folder: Path) -> Checkout:
    try:
        os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceNotFoundError(
            f"source {source.name}: there is no folder {folder}",
            expected="a folder of documents",
            action="Create the folder, or correct its path in the sources file.",
        ) from error
    except OSError as error:
        raise SourceError(
            f"source {source.name}: {error}",
            expected="a readable folder",
            action="Change the permissions, or correct its path in the sources file.",
        ) from error
    return Checkout(source, folder, "")


def _existing_clone(clone: Clone, timeout_seconds: float, progress: Progress) -> Checkout:
    reached = None
    if clone.folder.parent.is_dir():
        with _only_one(clone, timeout_seconds, progress, needed=False):
            reached = clone.reached()
    if reached is None:
        raise SourceError(
            f"source {clone.source.name}: no finished clone in {clone.folder}",
            expected="an existing clone of these addresses at this revision when offline",
            action=f"Run once without --offline: {as_typed('build-index')}",
        )
    return _kept(clone, reached, "offline: not checked for updates")


def _from_addresses(clone: Clone, progress: Progress) -> Checkout:
    name = clone.source.name
    failures: list[SourceError] = []
    addresses = clone.source.git
    for address, after in zip_longest(addresses, addresses[1:]):
        progress(f"fetch {name}", 0, None, "B")
        try:
            commit = _ask(clone, address)
        except SourceError as error:
            failures.append(error)
            then = f"trying {without_password(after)}" if after else "no other address"
            logger.info("%s: %s; %s", name, error.got, then)
        else:
            logger.info("%s: commit %s from %s", name, commit[:12], without_password(address))
            done = pack_bytes(clone.folder)
            progress(f"fetch {name}", done, done, "B")
            return Checkout(clone.source, clone.folder, commit)
    reached = clone.reached()
    if reached is None:
        raise _all_failed(name, failures)
    return _kept(clone, reached, "; ".join(error.got for error in failures))


def _kept(clone: Clone, reached: Reached, reason: str) -> Checkout:
    return Checkout(clone.source, clone.folder, reached.commit, "kept", reason)


def _ask(clone: Clone, address: str) -> str:
    """Update from one address, and turn failures into a `SourceError`."""
    shown = without_password(address)
    try:
        return clone.update(address)
    except NoSuchRevisionError as error:
        raise RevisionNotFoundError(
            f"{shown} has {error}",
            expected="a revision that exists in the repository",
            action="Correct `revision` in the sources file, or remove it.",
        ) from error
    except GitCommandError as failure:
        raise _known(shown, failure) from failure


def _known(shown: str, failure: GitCommandError) -> SourceError:
    if failure.not_found:
        return SourceNotFoundError(
            f"{shown} has no accessible repository: {failure.words}",
            expected="a repository that can be read without a password",
            action=_OTHER_ADDRESS,
        )
    if failure.is_local:
        return SourceError(
            f"files from {shown} cannot be stored: {failure.words}",
            expected="disk space and permission to write",
            action="Free disk space or change the permissions, then run the command again.",
        )
    return SourceUnreachableError(
        f"{shown} does not respond properly: {failure.words}",
        expected="a reachable git server",
        action="Check the network and proxy, add a mirror, or run the command again later.",
    )


def _all_failed(name: str, failures: list[SourceError]) -> SourceError:
    """Combine the failures of all addresses into one error of the most helpful class."""
    order = (RevisionNotFoundError, SourceUnreachableError, SourceNotFoundError, SourceError)
    worst = min(failures, key=lambda error: order.index(type(error)))
    got = "; ".join(error.got for error in failures)
    return type(worst)(f"source {name}: {got}", expected=worst.expected, action=worst.action)


@contextmanager
def _only_one(
    clone: Clone, timeout_seconds: float, progress: Progress, *, needed: bool = True
) -> Iterator[None]:
    """Hold the clone's lock, which the system releases if the process dies."""
    name = clone.source.name
    lock = FileLock(clone.folder.parent / f".{clone.folder.name}.lock")

    def look() -> bool:
        progress(f"fetch {name}", 0, None, "B")
        return False  # keep waiting, unless the progress raises

    try:
        lock.acquire(timeout_seconds, poll_interval=_LOOK_SECONDS, cancel_check=look)
    except Timeout as error:
        raise SourceError(
            f"another process has been fetching {name} for {timeout_seconds:g} s",
            expected="one process at a time",
            action="Wait for it to finish, then run the command again.",
        ) from error
    except OSError:  # such as a read-only disk, where no other process can fetch either
        if needed:
            raise
    try:
        yield
    finally:
        lock.release()
