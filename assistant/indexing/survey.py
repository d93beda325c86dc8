"""Compares the files of all sources with the version in use, without parsing them."""

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
    """Which of the files that globs select are read.

    Attributes:
        max_bytes: Larger files are skipped.
        python_sources: Whether to include Python files.
    """

    max_bytes: int
    python_sources: bool = False


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The result of a build for one source.

    Attributes:
        name: Name of the source.
        commit: Its commit in the index; empty for a folder.
        status: "ok", "kept" (at its last commit), "failed" or "empty".
        reason: Why the status is not "ok".
        files: Number of its files in the index.
        chunks: Number of their chunks.
        before: Its commit in the previous version.
    """

    name: str
    commit: str
    status: str
    reason: str
    files: int = 0
    chunks: int = 0
    before: str = ""


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """The outcome of fetching a source; fields are as in `SourceReport`.

    `origins` identifies where the files come from: a hash of each address or folder with the
    revision and globs. Hashes, since addresses may contain passwords and indexes are shared.
    """

    name: str
    commit: str
    link: str | None
    origins: tuple[str, ...]
    status: Literal["ok", "kept", "failed"]
    reason: str


@dataclass(slots=True)
class Survey:
    """The state of all sources and files.

    Attributes:
        outcomes: The outcome of fetching each source, in order.
        same: Addresses of unchanged files, whose chunks are in the version in use.
        fresh: New and changed files to parse, in order.
        fingerprints: Address -> fingerprint, of unchanged and fresh files.
        skipped: Address -> reason.
        unread: Address -> fingerprint, of skipped files that an earlier build found to have no
            indexable text.
    """

    outcomes: list[SourceOutcome] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    fresh: list[SourceFile] = field(default_factory=list)
    fingerprints: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def add(self, other: Survey) -> None:
        """Append the survey of another source."""
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
    """Compare every file of every source with the version in use.

    Args:
        sources: The sources, in the order of the report.
        fetch: Returns a source's files. If it raises a SourceError, the index keeps its
            current passages of the source. Called from several threads; must end when its
            progress raises.
        before: Manifest of a version whose chunks can be reused, if there is one.
        rules: Which files to read.
        progress: Receives the progress of each source.

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


def _looked_at(
    checkout: Checkout, before: Manifest | None, rules: FileRules, progress: Progress
) -> Survey:
    source, commit = checkout.source, checkout.commit
    files, skipped = list_files(
        checkout, max_file_bytes=rules.max_bytes, python_sources=rules.python_sources
    )
    outcome = SourceOutcome(
        source.name, commit, source.link, _origins(source), checkout.status, checkout.reason
    )
    result = Survey([outcome], skipped={f"{source.name}/{path}": why for path, why in skipped})
    linked = has_link(source, commit)
    for done, file in enumerate(files, start=1):
        _look_at(file, linked, before, result)
        progress(f"look at {source.name}", done, len(files), "files")
    return result


def _look_at(file: SourceFile, linked: bool, before: Manifest | None, result: Survey) -> None:
    address = file.address
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
    """Keep a source that cannot be fetched as it is in the index; failed if it is not there."""
    entry = before.sources.get(source.name) if before else None
    origins = _origins(source)
    if before is None or entry is None or not entry.files or not set(origins) & set(entry.origins):
        return Survey([SourceOutcome(source.name, "", None, origins, "failed", str(error))])

    def own(entries: dict[str, _Entry]) -> dict[str, _Entry]:
        return {a: entry for a, entry in entries.items() if a.startswith(f"{source.name}/")}

    files = own(before.files)
    return Survey(
        [SourceOutcome(source.name, entry.commit, entry.link, entry.origins, "kept", str(error))],
        same=list(files),
        fingerprints={address: seen.fingerprint for address, seen in files.items()},
        skipped=own(before.skipped),
        unread=own(before.unread),
    )


def _origins(source: Source) -> tuple[str, ...]:
    origins = [str(source.folder)] if source.folder is not None else source.git
    wanted = (source.revision, source.include, source.exclude)
    hashes = (hashlib.sha256(repr((origin, wanted)).encode()).hexdigest() for origin in origins)
    return tuple(found[:16] for found in hashes)
