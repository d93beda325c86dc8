"""Compare with other pipelines on the same files, with the same embedder, in one run.

`course` compares quality with the course's pipeline on questions; `index` compares the
building of the index with the course's pipeline and txtai, and measures growth and the
share of the processor that is used; `latency` measures questions, here and at larger sizes.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from assistant.application import Application
from assistant.commands.command_line import (
    add_filters,
    filters_of,
    parser,
    print_json,
    settings_for,
)
from assistant.commands.terminal_progress import say
from assistant.evaluation import EvalQuestion, read_questions, retrieval_report
from assistant.settings import Settings
from assistant.sources import fetch, list_files, read_sources
from scripts.benchmarks.index import compare, encoder_against_processor, growth, run
from scripts.benchmarks.latency import latency, print_latency
from scripts.benchmarks.programs import output_of, start, start_command


def main() -> int:
    """Run what was asked for and print the table."""
    arguments_parser = parser(__doc__)
    arguments_parser.add_argument("comparison", choices=["course", "index", "latency"])
    arguments_parser.add_argument(
        "--qa", type=Path, metavar="F.jsonl", help="for course and latency"
    )
    arguments_parser.add_argument(
        "--times",
        type=_sizes,
        default=[1, 10],
        metavar="N,N",
        help="for latency: how many times the chunks",
    )
    add_filters(arguments_parser)
    arguments_parser.add_argument(
        "--limit-files", type=int, metavar="N", help="for index: so many files, evenly chosen"
    )
    arguments_parser.add_argument(
        "--growth-files", type=int, default=40, metavar="N", help="for index: taken 1, 4, 16 times"
    )
    arguments = arguments_parser.parse_args()
    settings = settings_for(arguments)
    if arguments.comparison == "index":
        report = index(settings, arguments.limit_files, arguments.growth_files)
        _print_index(report)
    elif arguments.qa is None:
        arguments_parser.error(f"{arguments.comparison} needs --qa")
    elif arguments.comparison == "latency":
        filters = filters_of(arguments)
        report = {"sizes": latency(settings, arguments.qa, arguments.times, filters)}
        print_latency(report["sizes"])
    else:
        report = course(settings, arguments.qa)
        _print(report)
    if arguments.json:
        print_json(report)
    return 0


def _sizes(text: str) -> list[int]:
    """Numbers from 1 between commas, in their order."""
    sizes = [int(part) for part in text.split(",")]
    if min(sizes) < 1:
        raise ValueError(f"a size is {min(sizes)}")
    return sizes


def index(settings: Settings, limit_files: int | None, growth_files: int) -> dict[str, Any]:
    """Build times as ratios, growth, and the share of the processor's peak."""
    embedder = Application(settings).hub.fetch(settings.embedder)
    lines = [line.split("\t", 1) for line in _files(settings)]
    files = _evenly([(address, Path(file)) for address, file in lines], limit_files)
    texts = [text for _, file in files for text in _pieces(file)]
    with tempfile.TemporaryDirectory() as folder:
        return {
            "compared": compare(files, embedder, Path(folder, "compared")),
            "growth": growth(_evenly(files, growth_files), Path(folder, "growth"), (1, 4, 16)),
            "encoder": encoder_against_processor(_evenly(texts, 1000), embedder),
        }


def _evenly(things: list[Any], count: int | None) -> list[Any]:
    """`count` of them, spread over the list; all if it is None."""
    if count is None or count >= len(things):
        return things
    return [things[place * len(things) // count] for place in range(count)]


def _pieces(file: Path) -> list[str]:
    """Texts of about the length of our chunks."""
    text = file.read_text("utf-8", errors="replace")
    return [text[start : start + 700] for start in range(0, len(text), 700)]


def course(settings: Settings, qa: Path) -> dict[str, Any]:
    """Ours and the course's pipeline, each in a process of its own, one after the other."""
    questions = read_questions(qa)
    with tempfile.TemporaryDirectory() as folder:
        return {
            "ours": _ours(settings, qa, questions, Path(folder)),
            "course": _course(settings, qa, questions, Path(folder)),
        }


def _ours(
    settings: Settings, qa: Path, questions: list[EvalQuestion], folder: Path
) -> dict[str, Any]:
    common = ["--sources", str(settings.sources_file), "--db", str(folder / "ours")]
    built = run(start_command("build-index", *common, "--json"))
    again = run(start_command("build-index", *common, "--json"))
    found = output_of(start_command("search", *common[2:], "--batch", str(qa)))
    lines = [json.loads(line) for line in found.splitlines()]
    summary = json.loads(built.output)
    return {
        "seconds": {"build": built.seconds, "build again": again.seconds},
        "embedded_again": json.loads(again.output)["embedded"],
        "chunks": summary["chunks"],
        "peak_rss_mb": summary["peak_rss_mb"],
        "retrieval": retrieval_report(
            questions, {line["id"]: [hit["source"] for hit in line["hits"]] for line in lines}
        ),
    }


def _course(
    settings: Settings, qa: Path, questions: list[EvalQuestion], folder: Path
) -> dict[str, Any]:
    files = folder / "files.txt"
    files.write_text("\n".join(_files(settings)), encoding="utf-8")
    done = run(
        start(
            "scripts.benchmarks.course_pipeline",
            *("--files", str(files), "--qa", str(qa), "--db", str(folder / "course")),
            *("--embedder", str(Application(settings).hub.fetch(settings.embedder))),
        )
    )
    result = json.loads(done.output)
    return {
        "seconds": {"build": done.seconds, **result["seconds"]},
        "chunks": result["chunks"],
        "peak_rss_mb": result["peak_rss_mb"],
        "retrieval": retrieval_report(questions, result["found"]),
    }


def _files(settings: Settings) -> list[str]:
    """Lines of address TAB file: what our build reads, vocabularies left out."""
    from assistant.errors import UnreadableFileError
    from assistant.loaders import load

    lines = []
    for source in read_sources(settings.sources_file):
        checkout = fetch(
            source,
            folder=settings.repositories_folder,
            timeout_seconds=settings.clone_timeout_seconds,
            offline=True,
        )
        files, _ = list_files(checkout, max_file_bytes=int(settings.max_file_mb * (1 << 20)))
        for file in files:
            try:
                load(file)
            except UnreadableFileError:
                continue
            lines.append(f"{source.name}/{file.path}\t{file.location}")
    return lines


def _print_index(report: dict[str, Any]) -> None:
    compared = report["compared"]
    ours = compared["ours"]
    say(f"{'':12}{'build, s':>10}{'peak, MB':>10}{'chunks':>8}{'time x':>8}{'memory x':>10}")
    for name in ("ours", "course", "txtai"):
        if (row := compared.get(name)) is None:
            continue
        ratios = (row["build_seconds"] / ours["build_seconds"], row["peak_mb"] / ours["peak_mb"])
        say(
            f"{name:12}{row['build_seconds']:10.1f}{row['peak_mb']:10.0f}{row['chunks']:8}"
            f"{ratios[0]:8.2f}{ratios[1]:10.2f}"
        )
    for kind, of in (
        ("process", "whole processes"),
        ("build", "in the build (watched: all loaded)"),
    ):
        seconds, ratios = ours["seconds"][kind], ours["times_as_fast"][kind]
        say(
            f"{of}: "
            + ", ".join(
                f"{name.replace('_', ' ')} {seconds[name]:.2f} s ({ratios[name]:.0f} times as fast)"
                for name in seconds
            )
        )
    for row in report["growth"]:
        say(
            f"{row['times']:3} times: {row['chunks']:7} chunks, {row['build_seconds']:7.1f} s, "
            f"{row['chunks_per_second']:6.1f} a second, {row['peak_mb']:6.0f} MB"
        )
    encoder = report["encoder"]
    peaks = ", ".join(
        f"{share:.0%} of {encoder['peak_gflops'][kind]:.0f} in {kind}"
        for kind, share in encoder["share_of_peak"].items()
    )
    say(
        f"encoder: {encoder['chunks_per_second']:.0f} texts a second, "
        f"{encoder['gflops']:.0f} GFLOP/s: {peaks}"
    )


def _print(report: dict[str, Any]) -> None:
    ours, other = report["ours"], report["course"]
    say(f"{'':22}{'ours':>10}{'course':>10}{'ratio':>8}")
    rows = [
        ("build, s", ours["seconds"]["build"], other["seconds"]["build"]),
        ("peak memory, MB", ours["peak_rss_mb"], other["peak_rss_mb"]),
        ("chunks", ours["chunks"], other["chunks"]),
    ]
    for name in ("hit@1", "hit@5", "hit@10", "mrr@10"):
        rows.append((name, ours["retrieval"]["all"][name], other["retrieval"]["all"][name]))
    for name, mine, theirs in rows:
        say(f"{name:22}{mine:10.3f}{theirs:10.3f}{mine / theirs if theirs else 0:8.2f}")
