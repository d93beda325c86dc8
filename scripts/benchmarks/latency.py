"""How long a question takes to ranked hits, and how that grows with the index.

`latency` makes larger versions of an index, and measures each in a process of its own, which
is this file as a command.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from assistant.application import Application
from assistant.commands.command_line import (
    add_filters,
    filters_of,
    parser,
    print_json,
    run,
    settings_for,
)
from assistant.commands.terminal_progress import say
from assistant.documents import SearchFilters
from assistant.embeddings import Embedder
from assistant.evaluation import read_questions
from assistant.index import LiveIndex, open_version
from assistant.retriever import KnowledgeRetriever, candidates
from assistant.retriever.passages import Passages
from assistant.settings import Settings
from scripts.benchmarks.enlarged_index import enlarge
from scripts.benchmarks.programs import output_of, start

_ROUNDS = 3  # measured, after one to warm up
_PARTS = ("embedding", "chroma", "words")


def latency(
    settings: Settings, qa: Path, times: Sequence[int], filters: SearchFilters
) -> list[dict[str, Any]]:
    """A row for each size, in the order of `times`.

    Args:
        settings: Name the index and the embedder.
        qa: The questions.
        times: How often each chunk is in the index that is measured; 1 is the index itself.
        filters: If there are any, searches are timed with them, too.
    """
    rows = []
    open_version(settings.db_folder, Application(settings).embedder).close()  # or say why not
    with tempfile.TemporaryDirectory(prefix="latency-") as folder:
        for factor in times:
            db, seconds = settings.db_folder, 0.0
            if factor > 1:
                db = Path(folder, str(factor))
                started = time.monotonic()
                enlarge(settings, factor, db)
                seconds = time.monotonic() - started
                say(f"{factor} times: written in {seconds:.0f} s")
            rows.append({"times": factor, "write_seconds": seconds, **_measured(db, qa, filters)})
            shutil.rmtree(Path(folder, str(factor)), ignore_errors=True)
    return rows


def _measured(db: Path, qa: Path, filters: SearchFilters) -> dict[str, Any]:
    limits = (
        *(("--source", name) for name in filters.sources),
        *(("--language", name) for name in filters.languages),
        *(("--path", glob) for glob in filters.paths),
    )
    options = ["--db", str(db), "--qa", str(qa), *(part for limit in limits for part in limit)]
    return dict(json.loads(output_of(start("scripts.benchmarks.latency", *options))))


@dataclass(frozen=True, slots=True)
class _Watch:
    """Adds up, by part, the seconds that functions of objects, classes and modules take."""

    spent: dict[str, float]

    def over(self, part: str, thing: Any, *names: str) -> None:
        """Count calls of these functions of this object, class or module."""
        for name in names:
            setattr(thing, name, self._timed(part, getattr(thing, name)))

    def _timed(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            result = method(*arguments, **options)
            self.spent[part] += time.perf_counter() - started
            return result

        return call


def measure(settings: Settings, qa: Path, filters: SearchFilters) -> dict[str, Any]:
    """Times in milliseconds for an index as it is: p50 and p95, and the p50 of each part."""
    embedder = Application(settings).embedder
    embedder.load()
    questions = [asked.question for asked in read_questions(qa)]
    finder, watch, seconds = _opened(settings, embedder, questions[0])
    result: dict[str, Any] = {
        "questions": len(questions),
        "chunks": finder.manifest.chunks,
        "open_seconds": seconds,
        "all": _asked(finder, watch, questions, None),
    }
    if filters != SearchFilters():
        result["filtered"] = _asked(finder, watch, questions, filters)
    return {**result, "rss_mb": psutil.Process().memory_info().rss / (1 << 20)}


def _opened(
    settings: Settings, embedder: Embedder, question: str
) -> tuple[KnowledgeRetriever, _Watch, float]:
    """The retriever, what watches its parts, and the seconds to its first hits."""
    import chromadb  # noqa: F401  # its import is not of the index

    started = time.perf_counter()
    finder = KnowledgeRetriever(index=LiveIndex(settings.db_folder, embedder), embedder=embedder)
    finder.search(question)
    seconds = time.perf_counter() - started
    watch = _Watch(defaultdict(float))
    watch.over("embedding", embedder, "encode_queries")
    with finder.index.current() as version:
        watch.over("chroma", version.store, "nearest", "get")
    watch.over("words", Passages, "concepts")
    watch.over("words", candidates, "by_words")
    return finder, watch, seconds


def _asked(
    finder: KnowledgeRetriever,
    watch: _Watch,
    questions: Sequence[str],
    filters: SearchFilters | None,
) -> dict[str, Any]:
    list(_each(finder, watch, questions, filters))
    rows = list(_each(finder, watch, list(questions) * _ROUNDS, filters))
    totals = [total for total, _ in rows]
    parts = {name: [spent[name] for _, spent in rows] for name in _PARTS}
    parts["rest"] = [total - sum(spent.values()) for total, spent in rows]
    return {
        "p50": float(np.percentile(totals, 50)),
        "p95": float(np.percentile(totals, 95)),
        "parts": {name: float(np.median(values)) for name, values in parts.items()},
    }


def _each(
    finder: KnowledgeRetriever,
    watch: _Watch,
    questions: Sequence[str],
    filters: SearchFilters | None,
) -> Iterator[tuple[float, dict[str, float]]]:
    """Milliseconds of each question, in all and by part."""
    for question in questions:
        watch.spent.clear()
        started = time.perf_counter()
        finder.search(question, filters=filters)
        total = time.perf_counter() - started
        yield total * 1000, {name: watch.spent[name] * 1000 for name in _PARTS}


def print_latency(rows: Sequence[dict[str, Any]]) -> None:
    """The table, and each size against the first."""
    say(
        f"{'times':>5}{'chunks':>9}  {'':9}{'p50, ms':>8}{'p95, ms':>8}{'p50 x':>7}"
        f"{'embed':>7}{'chroma':>8}{'words':>7}{'rest':>7}{'RSS, MB':>9}{'open, s':>9}"
    )
    for row in rows:
        for name in ("all", "filtered"):
            if (times := row.get(name)) is None:
                continue
            parts = "".join(
                f"{times['parts'][part]:{width}.1f}"
                for part, width in zip((*_PARTS, "rest"), (7, 8, 7, 7), strict=True)
            )
            say(
                f"{row['times']:5}{row['chunks']:9}  {name:9}{times['p50']:8.1f}"
                f"{times['p95']:8.1f}{times['p50'] / rows[0][name]['p50']:7.2f}{parts}"
                f"{row['rss_mb']:9.0f}{row['open_seconds']:9.2f}"
            )


def main() -> int:
    """Measure one index and print JSON."""
    arguments_parser = parser(__doc__)
    arguments_parser.add_argument("--qa", type=Path, required=True, metavar="F.jsonl")
    add_filters(arguments_parser)
    arguments = arguments_parser.parse_args()
    print_json(measure(settings_for(arguments), arguments.qa, filters_of(arguments)))
    return 0


if __name__ == "__main__":
    run(main)
