"""Metrics for retrieval, refusals and answers.

A hit is correct if its address is one of the question's `sources`.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assistant.evaluation.questions import EvalQuestion

CUTOFFS = (1, 3, 5, 10)
# Kinds of questions entirely outside the knowledge base, unlike false premises about it.
OUTSIDE = ("off_topic", "other_project")


def first_rank(sources: Sequence[str], found: Sequence[str]) -> int | None:
    """Rank (from 1) of the first address of `found` in `sources`; None if there is none."""
    return next((rank for rank, address in enumerate(found, 1) if address in sources), None)


def retrieval_scores(ranks: Sequence[int | None]) -> dict[str, float]:
    """hit@1/3/5/10 and mrr@10 from first ranks; all 0 for no questions."""
    count = max(1, len(ranks))
    scores = {
        f"hit@{k}": sum(rank is not None and rank <= k for rank in ranks) / count for k in CUTOFFS
    }
    # Mean reciprocal rank: Voorhees, TREC-8 question answering track report, 1999.
    scores["mrr@10"] = sum(1 / rank for rank in ranks if rank is not None and rank <= 10) / count
    return {"questions": len(ranks), **scores}


def retrieval_report(
    questions: Sequence[EvalQuestion], found: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Retrieval scores overall, by language, by type, and for cross-lingual questions.

    Args:
        questions: Questions without sources are ignored.
        found: Question ID -> addresses of its hits, best first.

    Returns:
        Name of the group, such as "all" or "language en" -> `retrieval_scores`.
    """
    groups: dict[str, dict[str, list[int | None]]] = {
        "": {"all": []},
        "language": {},
        "type": {},
        "cross-lingual": {},
    }
    for question in questions:
        if not question.sources:
            continue
        rank = first_rank(question.sources, found[question.id])
        groups[""]["all"].append(rank)
        for name, value in (("language", question.language), ("type", question.kind)):
            if value:
                groups[name].setdefault(f"{name} {value}", []).append(rank)
        if question.is_cross_lingual:
            groups["cross-lingual"].setdefault("cross-lingual", []).append(rank)
    return {
        name: retrieval_scores(ranks)
        for group in groups.values()
        for name, ranks in sorted(group.items())
    }


def refusal_report(
    questions: Sequence[EvalQuestion], refused: Mapping[str, bool]
) -> dict[str, float]:
    """Precision, recall and F1 of refusals, and the share refused of each kind.

    A refusal is correct if the question is unanswerable.

    Args:
        questions: Answerable and unanswerable questions.
        refused: Question ID -> whether it was refused.
    """
    answerable = [q for q in questions if q.answerable]
    others = [q for q in questions if not q.answerable]
    wrong = sum(refused[q.id] for q in answerable)
    report = {
        **_refusing(others, wrong, refused),
        "false_refusals": wrong / len(answerable) if answerable else 0.0,
    }
    for kind in sorted({q.kind for q in others}):
        of_kind = [refused[q.id] for q in others if q.kind == kind]
        report[f"refused {kind}"] = sum(of_kind) / len(of_kind)
    return report


def refusal_by_kind(
    questions: Sequence[EvalQuestion], refused: Mapping[str, bool]
) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of refusals, for each kind of unanswerable question.

    Each score is computed from the questions of one kind and all answerable questions. If
    there are both off-topic questions and questions about other projects, the two kinds are
    also scored together, as questions entirely outside the knowledge base.
    """
    others = [q for q in questions if not q.answerable]
    wrong = sum(refused[q.id] for q in questions if q.answerable)
    kinds_of: dict[str, tuple[str, ...]] = {
        kind: (kind,) for kind in sorted({q.kind for q in others if q.kind})
    }
    if set(OUTSIDE) <= set(kinds_of):
        kinds_of["+".join(OUTSIDE)] = OUTSIDE
    found = {}
    for name, kinds in kinds_of.items():
        of_kind = [q for q in others if q.kind in kinds]
        right = sum(refused[q.id] for q in of_kind)
        found[name] = {
            "questions": len(of_kind),
            "refused": right,
            **_refusing(of_kind, wrong, refused),
        }
    return found


def _refusing(
    unanswerable: Sequence[EvalQuestion], wrong: int, refused: Mapping[str, bool]
) -> dict[str, float]:
    right = sum(refused[q.id] for q in unanswerable)
    precision = right / (right + wrong) if right + wrong else 0.0
    recall = right / len(unanswerable) if unanswerable else 0.0
    both = precision + recall
    f1 = 2 * precision * recall / both if both else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def has_keywords(text: str, keywords: Iterable[str]) -> bool:
    """Whether a text contains every keyword, ignoring character width, case and spacing."""
    folded = _fold(text)
    return all(_fold(keyword) in folded for keyword in keywords)


def _fold(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).casefold())


def answer_report(
    questions: Sequence[EvalQuestion], results: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """Scores of the answers to answerable questions.

    Args:
        questions: Questions without sources are ignored.
        results: Question ID -> `answer`, `refused` and `citations` with their `source`. A
            question missing here, because the model failed, counts as not answered.

    Returns:
        Shares "answered", "cited" and "cited_known_source" of all these questions, and
        "keywords" of those that have keywords, if any do.
    """
    asked = [question for question in questions if question.sources]
    count = max(1, len(asked))
    answered = [q for q in asked if q.id in results and not results[q.id]["refused"]]
    with_keywords = [q for q in asked if q.keywords]
    keywords = sum(
        has_keywords(results[q.id]["answer"], q.keywords) for q in answered if q.keywords
    )
    return {
        "answered": len(answered) / count,
        **({"keywords": keywords / len(with_keywords)} if with_keywords else {}),
        "cited": sum(bool(results[q.id]["citations"]) for q in answered) / count,
        "cited_known_source": sum(
            any(citation["source"] in q.sources for citation in results[q.id]["citations"])
            for q in answered
        )
        / count,
    }


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile; a single value for both, and 0 for no values."""
    if len(milliseconds) < 2:
        value = next(iter(milliseconds), 0.0)
        return {"p50": value, "p95": value}
    cuts = statistics.quantiles(milliseconds, n=20, method="inclusive")
    return {"p50": statistics.median(milliseconds), "p95": cuts[18]}
