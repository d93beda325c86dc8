"""What came of a build: its manifest and its summary."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from assistant.index.manifest import SEARCH_VERSION, FileEntry, Manifest, SourceEntry
from assistant.indexing.job import Job
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


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of the files that a survey found.

    Attributes:
        counts: Address of every file in the index -> number of its chunks.
        refused: Address of a file that was read in vain -> reason.
        embedded: Texts that went through the embedder.
        deleted: Chunks of the version before that are no longer there.
        changed: Whether the version before differs from that.
    """

    counts: Mapping[str, int]
    refused: Mapping[str, str] = field(default_factory=dict)
    embedded: int = 0
    deleted: int = 0
    changed: bool = False


def manifest_of(job: Job, found: Survey, written: Written) -> Manifest:
    """The manifest of an index that holds what was written of what was found."""
    fingerprints = found.fingerprints
    outcomes = {outcome.name: outcome for outcome in found.outcomes}
    return Manifest(
        embedder=job.embedder.identity,
        dimension=job.embedder.dimension,
        splitting=job.plan.splitting,
        chunks=sum(written.counts.values()),
        sources={
            report.name: SourceEntry(
                report.commit,
                outcomes[report.name].link,
                outcomes[report.name].origins,
                report.files,
                report.chunks,
            )
            for report in _source_reports(found, written.counts, job.before)
        },
        files={a: FileEntry(fingerprints[a], n) for a, n in sorted(written.counts.items())},
        skipped=dict(sorted({**found.skipped, **written.refused}.items())),
        unread=found.unread | {address: fingerprints[address] for address in written.refused},
        vectors=job.plan.vectors_at,
        calibration=job.before.calibration if job.before else {},
        search_version=SEARCH_VERSION,
    )


def build_report(job: Job, found: Survey, written: Written, seconds: float) -> BuildReport:
    """The summary of a build that has ended."""
    chunks = sum(written.counts.values())
    return BuildReport(
        sources=_source_reports(found, written.counts, job.before),
        files=len(written.counts),
        skipped=dict(Counter({**found.skipped, **written.refused}.values())),
        chunks=chunks,
        embedded=written.embedded,
        reused=chunks - written.embedded,
        deleted=written.deleted,
        changed=written.changed,
        seconds=seconds,
        peak_rss_mb=_peak_rss_mb(),
    )


def _source_reports(
    found: Survey, counts: Mapping[str, int], before: Manifest | None
) -> tuple[SourceReport, ...]:
    """A report for each source, in order."""
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
        entry = before.sources.get(name) if before else None
        old = entry.commit if entry else ""
        reports.append(
            SourceReport(name, outcome.commit, status, reason, files[name], chunks[name], old)
        )
    return tuple(reports)


def _peak_rss_mb() -> float:
    """Most memory that this process ever held, in MiB."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / (1 << 20)
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
