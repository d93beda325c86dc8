"""What the sources hold now against the version in use; reads bytes, parses nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from assistant.documents import Source, SourceFile
from assistant.errors import SourceError
from assistant.progress import Progress
from assistant.sources import Checkout, list_files
from assistant.vector_index.links import has_link
from assistant.vector_index.manifest import Manifest

FetchSource = Callable[[Source], Checkout]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one source: `ok`, `kept` (at its last commit), `failed` or `empty`.

    `before` is the commit that the index had of it.
    """

    name: str
    commit: str
    status: str
    reason: str
    files: int = 0
    chunks: int = 0
    before: str = ""


@dataclass(slots=True)
class Survey:
    """The sources, file by file.

    Attributes:
        checkouts: Sources that could be had, and the error of the others, in order.
        same: Addresses whose chunks are in the version in use.
        fresh: Files to parse, in order.
        fingerprints: Address -> fingerprint, for both.
        skipped: Address -> reason.
        unread: Address -> fingerprint, of those that were parsed before in vain.
    """

    checkouts: list[Checkout | tuple[str, SourceError]] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    fresh: list[SourceFile] = field(default_factory=list)
    fingerprints: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def survey(
    sources: Iterable[Source],
    fetch: FetchSource,
    before: Manifest | None,
    *,
    max_file_bytes: int,
    python_sources: bool,
    progress: Progress,
) -> Survey:
    """Look at every file of every source.

    Args:
        sources: In the order to report them.
        fetch: Gives a source's files, or raises a SourceError, which is kept.
        before: Of a version whose chunks can be taken over; None: nothing can.
        max_file_bytes: Larger files are skipped.
        python_sources: Whether Python files are taken.
        progress: Told of each source.

    Raises:
        SourceError: No source could be had.
    """
    result = Survey()
    failures: list[SourceError] = []
    for source in sources:
        try:
            checkout = fetch(source)
        except SourceError as error:
            failures.append(error)
            result.checkouts.append((source.name, error))
            continue
        result.checkouts.append(checkout)
        files, skipped = list_files(
            checkout, max_file_bytes=max_file_bytes, python_sources=python_sources
        )
        result.skipped.update({f"{source.name}/{path}": reason for path, reason in skipped})
        linked = has_link(source, checkout.commit)
        for done, file in enumerate(files, start=1):
            _look_at(file, linked, before, result)
            progress(f"look at {source.name}", done, len(files), "files")
    if failures and not result.fingerprints and not result.unread:
        raise failures[0]
    return result


def address_of(file: SourceFile) -> str:
    """`source/path`."""
    return f"{file.source.name}/{file.path}"


def _look_at(file: SourceFile, linked: bool, before: Manifest | None, result: Survey) -> None:
    address = address_of(file)
    try:
        content = file.location.read_bytes()
    except OSError:
        result.skipped[address] = "not readable"
        return
    fingerprint = hashlib.sha256(content).hexdigest() + (" linked" if linked else "")
    if before and before.unread.get(address) == fingerprint:
        result.unread[address] = fingerprint
        result.skipped[address] = before.skipped[address]
        return
    result.fingerprints[address] = fingerprint
    if before and before.files.get(address, [""])[0] == fingerprint:
        result.same.append(address)
    else:
        result.fresh.append(file)
