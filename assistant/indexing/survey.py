"""Compares the files of the sources with the version in use; reads bytes, parses nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from assistant.documents import Source, SourceFile
from assistant.errors import GONE, PASSING_REASONS, SourceError
from assistant.index.chunk_links import has_link
from assistant.index.manifest import Manifest
from assistant.indexing.fetching import FetchSource, fetch_all
from assistant.progress import Progress
from assistant.sources import Checkout, list_files

_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class FileRules:
    """Which of the files that globs ask for are read.

    Attributes:
        max_bytes: Larger files are skipped.
        python_sources: Whether Python files are taken.
    """

    max_bytes: int
    python_sources: bool = False


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One source after a build: `ok`, `kept` (at its last commit), `failed` or `empty`.

    `before` is the commit that the index had of it.
    """

    name: str
    commit: str
    status: str
    reason: str
    files: int = 0
    chunks: int = 0
    before: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One source after it was fetched, before anything is read; as in `SourceReport`.

    `origins` tells where the files are from: a hash for each address or folder, with what is
    wanted from there. (Addresses may have passwords in them, and indexes are passed on.)
    """

    name: str
    commit: str
    link: str | None
    origins: tuple[str, ...]
    status: Literal["ok", "kept", "failed"]
    reason: str


@dataclass(slots=True)
class Survey:
    """The sources, file by file.

    Attributes:
        outcomes: Of each source, in order.
        same: Addresses whose chunks are in the version in use.
        fresh: Files to parse, in order.
        fingerprints: Address -> fingerprint, for both.
        skipped: Address -> reason.
        unread: Address -> fingerprint, of those that were parsed before in vain, for a
            reason that is the file's.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    fresh: list[SourceFile] = field(default_factory=list)
    fingerprints: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def add(self, other: Survey) -> None:
        """Append another source's."""
        self.outcomes += other.outcomes
        self.same += other.same
        self.fresh += other.fresh
        self.fingerprints |= other.fingerprints
        self.skipped |= other.skipped
        self.unread |= other.unread


def survey(
    sources: Iterable[Source],
    fetch: FetchSource,
    before: Manifest | None,
    rules: FileRules,
    progress: Progress,
) -> Survey:
    """Look at every file of every source.

    Args:
        sources: In the order to report them.
        fetch: Gives a source's files, or raises a SourceError: the index keeps what it
            has of the source; is called in several threads, and has to end when the
            progress that it gets raises.
        before: Of a version whose chunks can be taken over; None: nothing can.
        rules: Which files are read.
        progress: Told of each source.

    Raises:
        SourceError: No source could be fetched.
    """
    result = Survey()
    failures: list[SourceError] = []
    for source, checkout in fetch_all(list(sources), fetch, progress):
        try:
            if isinstance(checkout, SourceError):
                raise checkout
            result.add(_looked_at(checkout, before, rules, progress))
        except SourceError as error:
            failures.append(error)
            result.add(_as_before(source, error, before))
    if failures and len(failures) == len(result.outcomes):
        raise failures[0]
    return result


def address_of(file: SourceFile) -> str:
    """`source/path`."""
    return f"{file.source.name}/{file.path}"


def _looked_at(
    checkout: Checkout, before: Manifest | None, rules: FileRules, progress: Progress
) -> Survey:
    source, commit = checkout.source, checkout.commit
    files, skipped = list_files(
        checkout, max_file_bytes=rules.max_bytes, python_sources=rules.python_sources
    )
    outcome = Outcome(
        source.name, commit, source.link, _origins(source), checkout.status, checkout.reason
    )
    result = Survey([outcome], skipped={f"{source.name}/{path}": why for path, why in skipped})
    linked = has_link(source, commit)
    for done, file in enumerate(files, start=1):
        _look_at(file, linked, before, result)
        progress(f"look at {source.name}", done, len(files), "files")
    return result


def _look_at(file: SourceFile, linked: bool, before: Manifest | None, result: Survey) -> None:
    address = address_of(file)
    try:
        content = file.location.read_bytes()
    except OSError:
        result.skipped[address] = GONE
        return
    fingerprint = hashlib.sha256(content).hexdigest() + (" linked" if linked else "")
    if before and before.unread.get(address) == fingerprint:
        reason = before.skipped[address]
        if reason not in PASSING_REASONS:
            result.unread[address] = fingerprint
            result.skipped[address] = reason
            return
    result.fingerprints[address] = fingerprint
    entry = before.files.get(address) if before else None
    if entry is not None and entry.fingerprint == fingerprint:
        result.same.append(address)
    else:
        result.fresh.append(file)


def _as_before(source: Source, error: SourceError, before: Manifest | None) -> Survey:
    """What the index has of a source that cannot be fetched now; failed where it has nothing."""
    entry = before.sources.get(source.name) if before else None
    origins = _origins(source)
    if before is None or entry is None or not entry.files or not set(origins) & set(entry.origins):
        return Survey([Outcome(source.name, "", None, origins, "failed", str(error))])

    def own(entries: dict[str, _Entry]) -> dict[str, _Entry]:
        return {a: entry for a, entry in entries.items() if a.startswith(f"{source.name}/")}

    files = own(before.files)
    return Survey(
        [Outcome(source.name, entry.commit, entry.link, entry.origins, "kept", str(error))],
        same=list(files),
        fingerprints={address: seen.fingerprint for address, seen in files.items()},
        skipped=own(before.skipped),
        unread=own(before.unread),
    )


def _origins(source: Source) -> tuple[str, ...]:
    places = [str(source.folder)] if source.folder is not None else source.git
    wanted = (source.revision, source.include, source.exclude)
    hashes = (hashlib.sha256(repr((place, wanted)).encode()).hexdigest() for place in places)
    return tuple(found[:16] for found in hashes)
