"""HTML report on an evaluation, complete in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from assistant.evaluation.asking import Outcome
from assistant.reports.plots import bars, distributions, legend

_STYLE = Path(__file__).with_name("page.css")
_SHOWN = ("hit@1", "hit@5", "mrr@10")
_COLUMNS = ("hit@1", "hit@3", "hit@5", "hit@10", "mrr@10")
_FIRST = 5  # hits listed for each miss
_MISSED = 5  # a source ranked lower than this counts as missed


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Content of the report.

    Attributes:
        about: Facts about the run, such as the date and the files: name -> value.
        report: The JSON that `scripts/evaluate.py --json` prints.
        outcomes: One for each question.
        threshold: Confidence below which a question is refused.
        cross_validated: Whether confidence and refusals are cross-validated (see `Fitted`).
    """

    about: Mapping[str, str]
    report: Mapping[str, Any]
    outcomes: Sequence[Outcome]
    threshold: float
    cross_validated: bool = False


def page(found: Evaluation) -> str:
    """The report as HTML."""
    sections = [
        _tiles(found),
        _retrieval(found.report.get("retrieval", {})),
        _comparison(found.report.get("compare", {})),
        _refusal(found),
        _follow_ups(found.report.get("dialogues", {})),
        _misses(found.outcomes),
        _wrongly_judged(found.outcomes),
    ]
    about = " · ".join(f"{escape(name)} {escape(value)}" for name, value in found.about.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style></head>\n"
        f'<body>\n<h1>Evaluation of the knowledge base</h1>\n<p class="about">{about}</p>\n'
        + "\n".join(section for section in sections if section)
        + "\n</body></html>\n"
    )


def _tiles(found: Evaluation) -> str:
    report = found.report
    tiles: list[tuple[str, str]] = []
    if every := report.get("retrieval", {}).get("all"):
        tiles += [(f"{every[name]:.3f}", name) for name in _SHOWN]
    if cross := report.get("retrieval", {}).get("cross-lingual"):
        tiles.append((_count(cross, "hit@5"), "cross-lingual in the first 5"))
    if refusal := report.get("refusal"):
        if report.get("refusal_by_kind"):
            tiles.append((f"{refusal['f1']:.3f}", "F1 of refusals"))
        tiles.append((f"{refusal['false_refusals']:.1%}", "refused in error"))
    if "latency_ms" in report:
        latency = report["latency_ms"]
        tiles.append((f"{latency['p50']:.0f} / {latency['p95']:.0f}", "ms to hits, p50 / p95"))
    return _block(
        "tiles", "".join(f"<div><b>{value}</b><span>{name}</span></div>" for value, name in tiles)
    )


def _retrieval(report: Mapping[str, Mapping[str, float]]) -> str:
    if not report or not report["all"]["questions"]:
        return ""
    cards = []
    for prefix, title in (("language ", "By language"), ("type ", "By type")):
        rows = {
            name.removeprefix(prefix): scores
            for name, scores in report.items()
            if name.startswith(prefix)
        }
        if prefix == "language " and "cross-lingual" in report:
            rows["cross-lingual"] = report["cross-lingual"]
        if rows:
            cards.append(_card(title, _score_bars(rows, title)))
    table = _table(report, lambda scores: [_count(scores, "hit@5")], ["in first 5"])
    return f"<h2>Retrieval</h2>{_block('plots', ''.join(cards))}<br>{_card('', table)}"


def _comparison(report: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    if not report:
        return ""
    every = {name: groups["all"] for name, groups in report.items()}

    def cross(scores: Mapping[str, float]) -> list[str]:
        name = next(name for name, other in every.items() if other is scores)
        groups = report[name]
        return [_count(groups["cross-lingual"], "hit@5") if "cross-lingual" in groups else ""]

    plot = _block("plots", _card("", _score_bars(every, "Comparison")))
    table = _card("", _table(every, cross, ["cross-lingual @5"]))
    return f"<h2>Compared with simpler rankings</h2>{plot}<br>{table}"


def _refusal(found: Evaluation) -> str:
    rows: dict[tuple[str, bool], list[float]] = {}
    for outcome in found.outcomes:
        question = outcome.question
        name = "answerable" if question.answerable else question.kind or "unanswerable"
        rows.setdefault((name, question.answerable), []).append(outcome.retrieved.confidence)
    if not rows:
        return ""
    ordered = sorted(rows.items(), key=lambda row: (not row[0][1], row[0][0]))
    plot = distributions(
        [(name, above, values) for (name, above), values in ordered],
        found.threshold,
        "Confidence that a question can be answered, by kind, with the threshold",
    )
    which = ", by cross-validation" if found.cross_validated else ""
    names = {"right": "on the right side of the threshold", "wrong": "on the wrong side"}
    text = f'<p class="dim">Refused below {found.threshold:.3f} (dashed){which}.</p>'
    cards = _card("Confidence", text + legend(names) + plot)
    by_kind = found.report.get("refusal_by_kind", {})
    if by_kind:
        head = ["", "questions", "refused", "precision", "recall", "F1"]
        lines = [
            [name, f"{s['questions']:.0f}", f"{s['refused']:.0f}"]
            + [f"{s[score]:.3f}" for score in ("precision", "recall", "f1")]
            for name, s in by_kind.items()
        ]
        every = found.report["refusal"]
        lines.append(["all", "", "", *(f"{every[s]:.3f}" for s in ("precision", "recall", "f1"))])
        cards += _card("Refusals by kind", _rows(head, lines))
    return f"<h2>Can it be answered?</h2>{_block('plots', cards)}"


def _follow_ups(report: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    cards = ""
    for group in ("needs context", "stands alone"):
        if group in report and any(scores["questions"] for scores in report[group].values()):
            table = _table(
                report[group], lambda scores: [f"{scores['rewritten']:.0%}"], ["rewritten"]
            )
            cards += _card(f"Second questions: {group}", table)
    return f"<h2>Follow-ups</h2>{_block('plots', cards)}" if cards else ""


def _misses(outcomes: Sequence[Outcome]) -> str:
    items = []
    for outcome in outcomes:
        question, rank = outcome.question, outcome.rank
        if not question.sources or (rank is not None and rank <= _MISSED):
            continue
        where = "not among the hits" if rank is None else f"first at {rank}"
        sources = "".join(f"<li>{escape(source)}</li>" for source in question.sources)
        items.append(
            f"<details><summary>{escape(question.question)}<small>{escape(question.id)}, {where}"
            f"</small></summary><p>Expected one of</p><ul>{sources}</ul><p>Found</p>"
            f"{_hits(outcome)}</details>"
        )
    if not items:
        return ""
    head = f"<h2>Not among the first {_MISSED}: {len(items)}</h2>"
    text = (
        '<p class="dim">Check the hits first: another page with the same answer may be missing '
        "from the question's sources.</p>"
    )
    return head + text + _card("", "".join(items))


def _wrongly_judged(outcomes: Sequence[Outcome]) -> str:
    found = ""
    for answerable, title in ((True, "Refused in error"), (False, "Not refused")):
        wrong = [
            outcome
            for outcome in outcomes
            if outcome.question.answerable == answerable and outcome.refused == answerable
        ]
        items = "".join(
            f"<details><summary>{escape(outcome.question.question)}<small>"
            f"{escape(outcome.question.id)} {escape(outcome.question.kind)}, "
            f"confidence {outcome.retrieved.confidence:.2f}</small></summary>"
            f"{_hits(outcome)}</details>"
            for outcome in sorted(wrong, key=lambda outcome: outcome.question.id)
        )
        if items:
            found += f"<h2>{title}: {len(wrong)}</h2>{_card('', items)}"
    return found


def _hits(outcome: Outcome) -> str:
    lines = []
    for hit in outcome.retrieved.hits[:_FIRST]:
        chunk = hit.chunk
        kind = ' class="hit"' if chunk.address in outcome.question.sources else ""
        place = f"{chunk.address}:{chunk.start_line}-{chunk.end_line}"
        heading = " > ".join(chunk.heading)
        lines.append(f"<li{kind}>{escape(place)} <small>{escape(heading)}</small></li>")
    return f"<ol>{''.join(lines)}</ol>"


def _score_bars(rows: Mapping[str, Mapping[str, float]], title: str) -> str:
    values = [(name, [scores[score] for score in _SHOWN]) for name, scores in rows.items()]
    names = {f"series{place}": name for place, name in enumerate(_SHOWN)}
    return legend(names) + bars(values, _SHOWN, title)


def _table(rows: Mapping[str, Mapping[str, float]], more: Any, more_names: Sequence[str]) -> str:
    lines = [
        [name, f"{scores['questions']:.0f}", *(f"{scores[c]:.3f}" for c in _COLUMNS), *more(scores)]
        for name, scores in rows.items()
    ]
    return _rows(["", "n", *_COLUMNS, *more_names], lines)


def _rows(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines
    )
    return f'<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'


def _count(scores: Mapping[str, float], name: str) -> str:
    return f"{round(scores[name] * scores['questions'])}/{scores['questions']:.0f}"


def _card(title: str, content: str) -> str:
    head = f"<h3>{escape(title)}</h3>" if title else ""
    return f'<div class="card">{head}{content}</div>'


def _block(kind: str, content: str) -> str:
    return f'<div class="{kind}">{content}</div>'
