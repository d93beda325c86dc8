"""The tables of `evaluate`, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistant.language import width_of

_COLUMNS = ("hit@1", "hit@3", "hit@5", "hit@10", "mrr@10")
_REFUSING = ("precision", "recall", "f1")

Scores = Mapping[str, float]


def tables(report: Mapping[str, Any]) -> Iterator[str]:
    """Every part that the report has, each table with its title."""
    if "retrieval" in report:
        yield from _titled("Retrieval", _retrieval(report["retrieval"]))
    if "compare" in report:
        yield from _titled("Compared with simpler rankings", _comparison(report["compare"]))
    if "refusal" in report:
        yield from _titled("Refusal", refusal(report["refusal"], report.get("refusal_by_kind", {})))
    for name, fitted in report.get("calibration", {}).items():
        title = f"Refusal, cross-validated ({name}, threshold {fitted['threshold']:.3f})"
        yield from _titled(title, refusal(fitted["refusal"], fitted["refusal_by_kind"]))
    if "dialogues" in report:
        yield from _titled("Follow-ups", _dialogues(report["dialogues"]))
    for name in ("answers", "latency_ms"):
        if name in report:
            yield f"{name}: " + "  ".join(f"{k} {v:.3f}" for k, v in report[name].items())


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they need to be, the first one to the left."""
    rows = [head, *lines]
    widths = [max(width_of(row[place]) for row in rows) for place in range(len(head))]
    for row in rows:
        cells = [
            " " * (width - width_of(cell)) + cell
            for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        yield "  ".join([row[0] + " " * (widths[0] - width_of(row[0])), *cells]).rstrip()


def refusal(every: Scores, by_kind: Mapping[str, Scores]) -> Iterator[str]:
    """Precision, recall and F1 for each kind and for all, and the false refusals."""
    lines = [
        [name, f"{scores['refused']:.0f}/{scores['questions']:.0f}", *_cells(scores, _REFUSING)]
        for name, scores in by_kind.items()
    ]
    lines.append(["all", "", *_cells(every, _REFUSING)])
    yield from table(["", "refused", *_REFUSING], lines)
    yield f"answerable questions refused: {every['false_refusals']:.1%}"


def _retrieval(report: Mapping[str, Scores]) -> Iterator[str]:
    lines = [
        [name, f"{scores['questions']:.0f}", *_cells(scores, _COLUMNS), _count(scores)]
        for name, scores in report.items()
    ]
    yield from table(["", "n", *_COLUMNS, "in first 5"], lines)


def _comparison(report: Mapping[str, Mapping[str, Scores]]) -> Iterator[str]:
    groups = [
        name
        for name in next(iter(report.values()))
        if name.startswith("language ") or name == "cross-lingual"
    ]
    lines = [
        [name, *_cells(found["all"], _COLUMNS), *(_count(found[group]) for group in groups)]
        for name, found in report.items()
    ]
    names = [name.removeprefix("language ") for name in groups]
    yield from table(["", *_COLUMNS, *(f"{name} @5" for name in names)], lines)


def _dialogues(report: Mapping[str, Mapping[str, Scores]]) -> Iterator[str]:
    lines = [
        [f"{group}: {form}", f"{s['questions']:.0f}", *_cells(s, _COLUMNS), f"{s['rewritten']:.0%}"]
        for group, forms in report.items()
        if group != "milliseconds"
        for form, s in forms.items()
    ]
    yield from table(["second question", "n", *_COLUMNS, "rewritten"], lines)
    took = report["milliseconds"]["by rules"]
    yield f"rewriting by rules: p50 {took['p50']:.3f} ms, p95 {took['p95']:.3f} ms"


def _titled(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield title
    yield from lines
    yield ""


def _cells(scores: Scores, names: Sequence[str]) -> list[str]:
    return [f"{scores[name]:.3f}" for name in names]


def _count(scores: Scores) -> str:
    return f"{round(scores['hit@5'] * scores['questions'])}/{scores['questions']:.0f}"
