"""What the sources hold now against the version in use; reads bytes, parses nothing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from assistant.documents import Source, SourceFile
from assistant.errors import GONE, PASSING_REASONS, SourceError
from assistant.index.chunk_links import has_link
from assistant.index.manifest import Manifest
from assistant.progress import Progress
from assistant.sources import Checkout, list_files

FetchSource = Callable[[Source, Progress], Checkout]
_AT_ONCE = 4  # sources; most of the time is waiting for servers
_WAIT_SECONDS = 0.5


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of asking one source, before anything is read; as in `SourceReport`.

    `origins` tells what the files are of: a hash for each address or folder, with what is
    wanted from there. (Addresses may have passwords in them, and indexes are passed on.)
    """

    name: str
    commit: str
    link: str | None
    origins: list[str]
    status: Literal["ok", "kept", "failed"]
    reason: str


@dataclass(slots=True)
class Survey:
    """The sources, file by file.

    Attributes:
        outcomes: What became of each source, in order.
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
        fetch: Gives a source's files, or raises a SourceError: the index keeps what it
            has of the source; is called in several threads, and has to end when the
            progress that it gets raises.
        before: Of a version whose chunks can be taken over; None: nothing can.
        max_file_bytes: Larger files are skipped.
        python_sources: Whether Python files are taken.
        progress: Told of each source.

    Raises:
        SourceError: No source could be had.
    """
    result = Survey()
    failures: list[SourceError] = []
    for source, checkout in _fetched(list(sources), fetch, progress):
        try:
            if isinstance(checkout, SourceError):
                raise checkout
            files, skipped = list_files(
                checkout, max_file_bytes=max_file_bytes, python_sources=python_sources
            )
        except SourceError as error:
            failures.append(error)
            result.outcomes.append(_as_before(source, error, before, result))
            continue
        result.outcomes.append(
            Outcome(
                source.name,
                checkout.commit,
                source.link,
                _origins(source),
                checkout.status,
                checkout.reason,
            )
        )
        result.skipped.update({f"{source.name}/{path}": reason for path, reason in skipped})
        linked = has_link(source, checkout.commit)
        for done, file in enumerate(files, start=1):
            _look_at(file, linked, before, result)
            progress(f"look at {source.name}", done, len(files), "files")
    if failures and len(failures) == len(result.outcomes):
        raise failures[0]
    return result


def _as_before(
    source: Source, error: SourceError, before: Manifest | None, result: Survey
) -> Outcome:
    """What the index has of a source that cannot be had now; failed where it has nothing."""
    entry = before.sources.get(source.name, {}) if before else {}
    origins = _origins(source)
    same = set(origins) & set(entry.get("origins", ()))
    if before is None or not entry.get("files") or not same:
        return Outcome(source.name, "", None, origins, "failed", str(error))
    own = f"{source.name}/"
    result.fingerprints |= {a: seen[0] for a, seen in before.files.items() if a.startswith(own)}
    result.same += [address for address in before.files if address.startswith(own)]
    result.unread |= {a: seen for a, seen in before.unread.items() if a.startswith(own)}
    result.skipped |= {a: reason for a, reason in before.skipped.items() if a.startswith(own)}
    return Outcome(
        source.name, entry["commit"], entry["link"], entry["origins"], "kept", str(error)
    )


def _origins(source: Source) -> list[str]:
    places = [str(source.folder)] if source.folder is not None else source.git
    wanted = (source.revision, source.include, source.exclude)
    return [hashlib.sha256(repr((place, wanted)).encode()).hexdigest()[:16] for place in places]


def _fetched(
    sources: list[Source], fetch: FetchSource, progress: Progress
) -> list[tuple[Source, Checkout | SourceError]]:
    """Every source in order, with what became of it; several are fetched at once."""
    fetching = _Fetching(progress)

    def outcome(source: Source) -> Checkout | SourceError:
        try:
            return fetch(source, fetching)
        except SourceError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch") as pool:
        try:
            futures = [pool.submit(outcome, source) for source in sources]
            pending = set(futures)
            while pending:  # in short waits: on Windows Ctrl-C interrupts no long one
                _, pending = wait(pending, timeout=_WAIT_SECONDS)
        except BaseException:  # Ctrl-C among them; leaving the pool waits for its threads
            fetching.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    fetching.finish()
    return [(source, future.result()) for source, future in zip(sources, futures, strict=True)]


class _StoppedError(Exception):
    """Ends a fetch that nobody waits for any more."""


class _Fetching:
    """The progress of all fetches as one stage, and what ends them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._done: dict[str, int] = {}
        self._stopped = False

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, *, at: str = ""
    ) -> None:
        with self._lock:
            if self._stopped:
                raise _StoppedError
            self._done[stage] = done
            self._progress("fetch sources", sum(self._done.values()), None, unit)

    def stop(self) -> None:
        """Raise in every fetch that goes on, when it next reports."""
        self._stopped = True  # without the lock, which a report that was interrupted may hold

    def finish(self) -> None:
        """Say that all have ended."""
        if self._done:
            total = sum(self._done.values())
            self._progress("fetch sources", total, total, "B")


def address_of(file: SourceFile) -> str:
    """`source/path`."""
    return f"{file.source.name}/{file.path}"


def _look_at(file: SourceFile, linked: bool, before: Manifest | None, result: Survey) -> None:
    address = address_of(file)
    try:
        content = file.location.read_bytes()
    except OSError:
        result.skipped[address] = GONE
        return
    fingerprint = hashlib.sha256(content).hexdigest() + (" linked" if linked else "")
    refused = before is not None and before.unread.get(address) == fingerprint
    if before and refused and before.skipped[address] not in PASSING_REASONS:
        result.unread[address] = fingerprint
        result.skipped[address] = before.skipped[address]
        return
    result.fingerprints[address] = fingerprint
    if before and before.files.get(address, [""])[0] == fingerprint:
        result.same.append(address)
    else:
        result.fresh.append(file)
