"""Build the index, or bring it up to date with its sources.

The same command does both: it fetches what changed, reads what is new and embeds what
was never embedded. --update says what changed upstream and fails if a source could not
be reached. --watch then follows the local folders until Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.commands.command_line import parser, print_json, settings_for
from assistant.commands.terminal_progress import say

if TYPE_CHECKING:
    from assistant.application import Application
    from assistant.indexing import BuildReport

# What is heavy is imported where it is used: processes that parse files import this file.


def main() -> int:
    """Build and print the summary."""
    arguments = _parser().parse_args()
    from assistant.application import Application
    from assistant.commands.terminal_progress import TerminalProgress

    application = Application(settings_for(arguments), TerminalProgress())
    if arguments.watch:
        return _watch(application, arguments)
    report = _build(application, arguments)
    unreached = [s.name for s in report.sources if s.status in ("failed", "kept")]
    return 1 if arguments.update and unreached else 0


def _parser() -> argparse.ArgumentParser:
    result = parser(__doc__)
    result.add_argument("--offline", action="store_true", help="use the clones as they are")
    result.add_argument(
        "--rebuild", action="store_true", help="forget the index and all stored vectors first"
    )
    result.add_argument(
        "--update",
        action="store_true",
        help="say what changed upstream; exit with 1 if a source could not be reached",
    )
    result.add_argument(
        "--growing",
        action="store_true",
        help="add missing sources one by one, so that a running page has each at once",
    )
    result.add_argument(
        "--watch", action="store_true", help="build again whenever a local folder changes"
    )
    result.add_argument(
        "--engine", choices=["local", "ray"], default="local", help="where texts are embedded"
    )
    result.add_argument(
        "--workers", type=int, default=0, metavar="N", help="actors on Ray; 0: one a processor"
    )
    result.add_argument(
        "--report", type=Path, metavar="F.html", help="write a page about the index"
    )
    return result


def _build(
    application: Application, arguments: argparse.Namespace, *, again: bool = False
) -> BuildReport:
    """Build and print the summary; `again` when repositories were asked before."""
    report = application.build(
        offline=arguments.offline or again,
        rebuild=arguments.rebuild and not again,
        growing=arguments.growing,
        ray_workers=arguments.workers if arguments.engine == "ray" else None,
    )
    _print_summary(report, arguments.update)
    if arguments.report:
        application.write_index_report(arguments.report)
        say(f"{arguments.report} written.")
    if arguments.json:
        print_json(report)
    return report


def _watch(application: Application, arguments: argparse.Namespace) -> int:
    """Build, then again whenever a local folder changes, until Ctrl-C; keeps the embedder."""
    from assistant.errors import AssistantError, SourcesFileError
    from assistant.indexing import watch
    from assistant.sources import read_sources

    sources_file = application.settings.sources_file
    named = (source.folder for source in read_sources(sources_file))
    folders = [f for f in named if f and os.access(f, os.R_OK) and f.is_dir()]
    if not folders:
        raise SourcesFileError(
            f"{sources_file} names no local folder that is there",
            expected="a source with `folder` to watch",
            action="Run the command without --watch; --update follows repositories.",
        )
    application.embedder.load()  # so that no change waits for it
    for paths in watch(folders):
        if not paths:  # watching; what changes from now on is built next
            _build(application, arguments)
            say(f"Watching {', '.join(map(str, folders))}; Ctrl-C ends it.")
            continue
        say(f"{len(paths)} files changed, such as {min(paths)}.")
        try:
            _build(application, arguments, again=True)
        except AssistantError as error:  # the next change may put it right
            say(f"Error: {error}")
    return 0


def _print_summary(report: BuildReport, update: bool) -> None:
    for source in report.sources:
        commit = f" at {source.commit[:12]}" if source.commit else ""
        if update and source.before not in ("", source.commit):
            commit = f" from {source.before[:12]} to {source.commit[:12]}"
        counts = f"{source.files} files, {source.chunks} chunks"
        say(f"{source.name}{commit}: {source.status}, {counts}. {source.reason}".rstrip())
    if failed := [source.name for source in report.sources if source.status == "failed"]:
        say(f"Left out: {', '.join(failed)}. Run this again when they can be reached.")
    for reason, count in sorted(report.skipped.items()):
        say(f"skipped {count} files: {reason}")
    if not report.changed:
        say(f"Nothing changed: {report.chunks} chunks, 0 embedded, {report.seconds:.1f} s.")
        return
    rate = f" ({report.embedded / report.seconds:.0f} a second)" if report.embedded else ""
    say(
        f"Index ready: {report.files} files, {report.chunks} chunks; {report.embedded} embedded"
        f"{rate}, {report.reused} reused, {report.deleted} deleted; {report.seconds:.1f} s, "
        f"{report.peak_rss_mb:.0f} MB at most."
    )
