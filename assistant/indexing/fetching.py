"""Fetches the sources of a build, several at once, and each only once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from assistant.documents import Source
from assistant.errors import SourceError
from assistant.progress import Progress
from assistant.settings import Settings
from assistant.sources import Checkout, fetch

FetchSource = Callable[[Source, Progress], Checkout]
_AT_ONCE = 4  # sources; most of the time is waiting for servers
_WAIT_SECONDS = 0.5


class SourceFetcher:
    """A `FetchSource` that asks for each source once, and remembers its files or its error.

    Args:
        fetch_source: Is asked; may be called in several threads, for a source each.
    """

    def __init__(self, fetch_source: FetchSource) -> None:
        self._fetch = fetch_source
        self._outcomes: dict[str, Checkout | SourceError] = {}

    @classmethod
    def of(cls, settings: Settings, *, offline: bool = False) -> SourceFetcher:
        """Fetches into the folder that the settings name; `offline`: uses the clones there."""
        return cls(
            lambda source, progress: fetch(
                source,
                folder=settings.repositories_folder,
                timeout_seconds=settings.clone_timeout_seconds,
                offline=offline,
                progress=progress,
            )
        )

    def __call__(self, source: Source, progress: Progress) -> Checkout:
        """The source's files.

        Raises:
            SourceError: It could not be fetched, now or when it was first asked for.
        """
        outcome = self._outcomes.get(source.name)
        if outcome is None:
            outcome = self._outcomes[source.name] = _outcome(self._fetch, source, progress)
        if isinstance(outcome, SourceError):
            raise outcome
        return outcome


def fetch_all(
    sources: Sequence[Source], fetch_source: FetchSource, progress: Progress
) -> list[tuple[Source, Checkout | SourceError]]:
    """Every source in order, with its files or the error of fetching it.

    An interruption ends the fetches that are running: the progress that they get raises.
    """
    fetching = _Fetching(progress)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch") as pool:
        try:
            futures = [pool.submit(_outcome, fetch_source, source, fetching) for source in sources]
            pending = set(futures)
            while pending:  # in short waits: on Windows Ctrl-C interrupts no long one
                _, pending = wait(pending, timeout=_WAIT_SECONDS)
        except BaseException:  # Ctrl-C among them; leaving the pool waits for its threads
            fetching.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    fetching.finish()
    return [(source, future.result()) for source, future in zip(sources, futures, strict=True)]


def _outcome(
    fetch_source: FetchSource, source: Source, progress: Progress
) -> Checkout | SourceError:
    try:
        return fetch_source(source, progress)
    except SourceError as error:
        return error


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
        self,
        stage: str,
        done: int,
        total: int | None,  # noqa: ARG002 (called as a Progress)
        unit: str,
        *,
        at: str = "",  # noqa: ARG002 (called as a Progress)
    ) -> None:
        with self._lock:
            if self._stopped:
                raise _StoppedError
            self._done[stage] = done
            self._progress("fetch sources", sum(self._done.values()), None, unit)

    def stop(self) -> None:
        """Raise in every running fetch when it next reports."""
        self._stopped = True  # without the lock, which a report that was interrupted may hold

    def finish(self) -> None:
        """Say that all have ended."""
        if self._done:
            total = sum(self._done.values())
            self._progress("fetch sources", total, total, "B")
