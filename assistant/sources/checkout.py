"""Makes the files of a source available, from the first address that gives them."""

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
    """A source whose files are on this machine.

    Attributes:
        source: What was asked for.
        folder: Where its files are.
        commit: The commit they are of; empty for a folder.
        status: "ok", or "kept" for a clone that is left at its last commit.
        reason: Why it was kept.
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
    """Make the files of a source available.

    Args:
        source: A folder is taken as it is; of a repository, the wanted files are fetched.
        folder: Where clones are kept. One process at a time works on a clone.
        timeout_seconds: For one git command, and for the wait for another process.
        offline: Take the clone as it is and ask no address.
        progress: Is told the bytes that arrive, twice a second; ends the work by raising.

    Raises:
        SourceNotFoundError: No such folder; or the addresses answer and have no repository.
        SourceUnreachableError: No address answers, and there is no clone.
        RevisionNotFoundError: The repository has no such branch, tag or commit.
        SourceError: Anything else that keeps the source from being used.
    """
    if source.folder is not None:
        return _local(source, source.folder)
    clone = Clone(source, folder, timeout_seconds, progress)
    try:
        if offline:
            return _as_it_is(clone, timeout_seconds, progress)
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(clone, timeout_seconds, progress):
            clone.recover()
            return _from_addresses(clone, progress)
    except OSError as error:
        raise SourceError(
            f"the clone {clone.folder} cannot be used: {error}",
            expected=f"files that can be read and written in {folder}",
            action="Free disk space or change the permissions, then run the command again.",
        ) from error


def _local(source: Source, folder: Path) -> Checkout:
    try:
        os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceNotFoundError(
            f"source {source.name}: there is no folder {folder}",
            expected="a folder of documents",
            action="Make the folder, or correct its path in the sources file.",
        ) from error
    except OSError as error:
        raise SourceError(
            f"source {source.name}: {error}",
            expected="a folder that may be read",
            action="Change the permissions, or correct its path in the sources file.",
        ) from error
    return Checkout(source, folder, "")


def _as_it_is(clone: Clone, timeout_seconds: float, progress: Progress) -> Checkout:
    reached = None
    if clone.folder.parent.is_dir():
        with _only_one(clone, timeout_seconds, progress, needed=False):
            reached = clone.reached()
    if reached is None:
        raise SourceError(
            f"source {clone.source.name}: no finished clone of it in {clone.folder}",
            expected="a clone from these addresses at this revision, as nothing may be fetched",
            action=f"Run once without --offline: {as_typed('build-index')}",
        )
    return _kept(clone, reached, "offline: not asked for anything newer")


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
    """Update from one address; what fails becomes one of the errors that people know."""
    shown = without_password(address)
    try:
        return clone.update(address)
    except NoSuchRevisionError as error:
        raise RevisionNotFoundError(
            f"{shown} has {error}",
            expected="a revision that is in the repository",
            action="Correct `revision` in the sources file, or leave it out.",
        ) from error
    except GitCommandError as failure:
        raise _known(shown, failure) from failure


def _known(shown: str, failure: GitCommandError) -> SourceError:
    if failure.not_found:
        return SourceNotFoundError(
            f"{shown} has no repository that is open to us: {failure.words}",
            expected="a repository that can be read without a password",
            action=_OTHER_ADDRESS,
        )
    if failure.is_local:
        return SourceError(
            f"what {shown} gives cannot be stored: {failure.words}",
            expected="disk space and permission to write",
            action="Free disk space or change the permissions, then run the command again.",
        )
    return SourceUnreachableError(
        f"{shown} does not answer as it should: {failure.words}",
        expected="a git server within reach",
        action="Check the network and proxy, add a mirror, or run the command again later.",
    )


def _all_failed(name: str, failures: list[SourceError]) -> SourceError:
    """One error for all addresses, each in one clause; of the kind that helps most."""
    order = (RevisionNotFoundError, SourceUnreachableError, SourceNotFoundError, SourceError)
    worst = min(failures, key=lambda error: order.index(type(error)))
    got = "; ".join(error.got for error in failures)
    return type(worst)(f"source {name}: {got}", expected=worst.expected, action=worst.action)


@contextmanager
def _only_one(
    clone: Clone, timeout_seconds: float, progress: Progress, *, needed: bool = True
) -> Iterator[None]:
    """Hold the clone's lock, which the system frees when a process dies."""
    name = clone.source.name
    lock = FileLock(clone.folder.parent / f".{clone.folder.name}.lock")

    def look() -> bool:
        progress(f"fetch {name}", 0, None, "B")
        return False  # goes on waiting, unless the progress raises

    try:
        lock.acquire(timeout_seconds, poll_interval=_LOOK_SECONDS, cancel_check=look)
    except Timeout as error:
        raise SourceError(
            f"another process has been fetching {name} for {timeout_seconds:g} s",
            expected="one process at a time",
            action="Wait for it to finish, then run the command again.",
        ) from error
    except OSError:  # for instance on a read-only disk, where nobody can fetch either
        if needed:
            raise
    try:
        yield
    finally:
        lock.release()
