"""What a build did, source by source; knows nothing of how."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil  # type: ignore[import-untyped]

from assistant.index.manifest import Manifest
from assistant.indexing.survey import SourceReport, Survey


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The summary of a build.

    Attributes:
        sources: In the order of the sources file.
        files: Number of files in the index.
        skipped: Reason -> number of files.
        chunks: Number of chunks in the index.
        embedded: Texts that went through the embedder in this build.
        reused: Chunks whose vectors were there before.
        deleted: Chunks of the index before that are no longer in it.
        changed: Whether a new version of the index was written.
        seconds: Duration of the build.
        peak_rss_mb: Most memory the process ever held, in MiB, workers not counted.
    """

    sources: tuple[SourceReport, ...]
    files: int
    skipped: dict[str, int]
    chunks: int
    embedded: int
    reused: int
    deleted: int
    changed: bool
    seconds: float
    peak_rss_mb: float


@dataclass(slots=True)
class Work:
    """What a build finds out while it writes."""

    counts: dict[str, int] = field(default_factory=dict)  # address -> chunks
    refused: dict[str, str] = field(default_factory=dict)  # address -> reason
    embedded: int = 0
    deleted: int = 0


def build_report(
    found: Survey, work: Work, before: Manifest | None, *, changed: bool, seconds: float
) -> BuildReport:
    """The summary of a build that has ended; `before` is what it started from."""
    chunks = sum(work.counts.values())
    return BuildReport(
        sources=source_reports(found, work.counts, before),
        files=len(work.counts),
        skipped=dict(Counter((found.skipped | work.refused).values())),
        chunks=chunks,
        embedded=work.embedded,
        reused=chunks - work.embedded,
        deleted=work.deleted,
        changed=changed,
        seconds=seconds,
        peak_rss_mb=peak_rss_mb(),
    )


def source_reports(
    found: Survey, counts: Mapping[str, int], before: Manifest | None
) -> tuple[SourceReport, ...]:
    """A report for each source, in order; `counts` has the chunks of every address."""
    files: Counter[str] = Counter()
    chunks: Counter[str] = Counter()
    for address, count in counts.items():
        name = address.partition("/")[0]
        files[name] += 1
        chunks[name] += count
    reports = []
    for outcome in found.outcomes:
        name, reason = outcome.name, outcome.reason
        status: str = outcome.status
        if status != "failed" and not files[name]:
            status, reason = "empty", reason or "no file matches its globs, or none has text"
        old = before.sources.get(name, {}).get("commit", "") if before else ""
        reports.append(
            SourceReport(name, outcome.commit, status, reason, files[name], chunks[name], old)
        )
    return tuple(reports)


def peak_rss_mb() -> float:
    """Most memory that this process ever held, in MiB."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / (1 << 20)
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
