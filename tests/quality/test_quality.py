"""Floors under the quality of retrieval, refusal and follow-ups, on the default knowledge base.

Run with QUALITY=1; README.md in this folder says what is needed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assistant.answering.find import Finder
from assistant.application import Application
from assistant.evaluation import (
    EvalQuestion,
    Fitted,
    Outcome,
    ask,
    compare,
    fit,
    follow_ups,
    read_dialogues,
    read_questions,
    retrieval_report,
)
from assistant.evaluation.baselines import BASELINES
from assistant.index.versions import current_version
from assistant.retriever import KnowledgeRetriever
from assistant.settings import load_settings

HERE = Path(__file__).parent
DB_FOLDER = load_settings().db_folder

pytestmark = [
    pytest.mark.skipif(os.environ.get("QUALITY") != "1", reason="QUALITY=1 is not set"),
    pytest.mark.skipif(current_version(DB_FOLDER) is None, reason=f"no index in {DB_FOLDER}"),
]

FLOORS = {
    "own": {"hit@1": 0.72, "hit@5": 0.92, "mrr@10": 0.80, "cross-lingual hit@5": 0.85},
    "development": {"hit@1": 0.75, "hit@5": 0.93, "mrr@10": 0.82, "cross-lingual hit@5": 10 / 12},
}


def questions_of(name: str) -> list[EvalQuestion]:
    """Answerable and unanswerable ones."""
    folder = HERE
    answerable, unanswerable = "questions.jsonl", "unanswerable.jsonl"
    if name == "development":
        if not (given := os.environ.get("QUALITY_QUESTIONS")):
            pytest.skip("QUALITY_QUESTIONS names no folder")
        folder = Path(given)
        answerable, unanswerable = "*qa*.jsonl", "*unanswerable*.jsonl"
    found = [q for file in sorted(folder.glob(answerable)) for q in read_questions(file)]
    for file in sorted(folder.glob(unanswerable)):
        found += read_questions(file, answerable=False)
    return found


@pytest.fixture(scope="module")
def application() -> Application:
    return Application(load_settings())


@pytest.fixture(scope="module")
def finder(application: Application) -> Finder:
    return application.finder


@pytest.fixture(scope="module")
def retriever(application: Application) -> KnowledgeRetriever:
    return application.retriever


@pytest.fixture(scope="module", params=list(FLOORS))
def asked(request: pytest.FixtureRequest, finder: Finder) -> tuple[str, list[Outcome]]:
    """Name of the set and what came of its questions."""
    return request.param, ask(finder, questions_of(request.param))


def test_retrieval_is_above_its_floors(asked: tuple[str, list[Outcome]]) -> None:
    name, outcomes = asked
    report = retrieval_report(
        [outcome.question for outcome in outcomes],
        {outcome.question.id: outcome.addresses for outcome in outcomes},
    )
    found = {score: report["all"][score] for score in ("hit@1", "hit@5", "mrr@10")}
    found["cross-lingual hit@5"] = report["cross-lingual"]["hit@5"]
    assert {score: value for score, value in found.items() if value < FLOORS[name][score]} == {}


def test_no_simpler_ranking_is_better(
    asked: tuple[str, list[Outcome]], retriever: KnowledgeRetriever
) -> None:
    _, outcomes = asked
    questions = [outcome.question for outcome in outcomes]
    ours = retrieval_report(questions, {o.question.id: o.addresses for o in outcomes})
    for name, simpler in compare(retriever, questions, BASELINES).items():
        assert simpler["all"]["mrr@10"] < ours["all"]["mrr@10"], name


@pytest.fixture(scope="module")
def fitted(finder: Finder, retriever: KnowledgeRetriever) -> Fitted:
    """Cross-validated on our own questions, the short ones among them."""
    manifest = retriever.manifest
    questions = questions_of("own") + read_questions(HERE / "short.jsonl")
    outcomes = ask(finder, questions)
    return fit(outcomes, embedder=manifest.embedder, chunks=manifest.chunks, data="")


def test_what_is_outside_is_refused_and_little_else(fitted: Fitted) -> None:
    assert fitted.scores["false_refusals"] <= 0.05
    assert fitted.by_kind["off_topic+other_project"]["f1"] >= 0.88
    assert fitted.scores["f1"] >= 0.80


def test_the_calibration_in_use_refuses_few_everyday_questions(finder: Finder) -> None:
    outcomes = ask(finder, read_questions(HERE / "short.jsonl"))
    refused = [outcome.question.question for outcome in outcomes if outcome.refused]
    assert len(refused) <= 0.05 * len(outcomes), refused


def test_follow_ups_are_found(retriever: KnowledgeRetriever) -> None:
    report = follow_ups(retriever, read_dialogues(HERE / "dialogues.jsonl"))
    leaning, alone = report["needs context"], report["stands alone"]
    assert leaning["by rules"]["hit@5"] >= 0.90
    assert leaning["by rules"]["hit@5"] >= leaning["given"]["hit@5"] - 0.06
    assert alone["by rules"]["rewritten"] <= 0.125
    assert alone["by rules"]["hit@5"] >= alone["alone"]["hit@5"] - 0.01
    assert report["milliseconds"]["by rules"]["p95"] < 1
