"""The result of a build: its manifest and its summary."""

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
        sources: A report for each source, in the order of the sources file.
        files: Number of files in the index.
        skipped: Reason -> number of files.
        chunks: Number of chunks in the index.
        embedded: Number of texts embedded by this build.
        reused: Number of chunks with vectors from earlier builds.
        deleted: Number of chunks of the previous version that were removed.
        changed: Whether a new version of the index was written.
        seconds: Duration of the build.
        peak_rss_mb: Peak memory of this process in MiB, not including workers.
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
    """The result of writing the files that a survey found.

    Attributes:
        counts: Address of every file in the index -> number of its chunks.
        refused: Address of each file without indexable text -> reason.
        embedded: Number of texts embedded.
        deleted: Number of chunks of the previous version that were removed.
        changed: Whether the result differs from the previous version.
    """

    counts: Mapping[str, int]
    refused: Mapping[str, str] = field(default_factory=dict)
    embedded: int = 0
    deleted: int = 0
    changed: bool = False


def manifest_of(job: Job, found: Survey, written: Written) -> Manifest:
    """Return the manifest of the version that was written."""
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
    """Return the summary of a finished build."""
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
            status, reason = "empty", reason or "no file matches its globs or contains text"
        entry = before.sources.get(name) if before else None
        old = entry.commit if entry else ""
        reports.append(
            SourceReport(name, outcome.commit, status, reason, files[name], chunks[name], old)
        )
    return tuple(reports)


def _peak_rss_mb() -> float:
    """Peak memory of this process in MiB."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / (1 << 20)
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
