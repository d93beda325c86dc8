"""Scores on hand-counted examples, and whole evaluations of a small index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.answering.find import Finder
from assistant.answering.grounding import Calibration
from assistant.documents import Evidence
from assistant.errors import SettingsError
from assistant.evaluation import (
    EvalQuestion,
    Outcome,
    answer_report,
    ask,
    check_ids,
    compare,
    fit,
    follow_ups,
    percentiles,
    read_dialogues,
    read_questions,
    refusal_by_kind,
    refusal_report,
    retrieval_report,
)
from assistant.evaluation.baselines import BASELINES, STEPS
from assistant.evaluation.questions import Dialogue
from assistant.evaluation.scores import first_rank, has_keywords, retrieval_scores
from assistant.reports.evaluation_page import Evaluation, page
from assistant.reports.plots import bars, distributions
from assistant.retriever import KnowledgeRetriever
from tests.builders import make_retrieved
from tests.fakes import Reports
from tests.sample_index import build_pages, open_sample, sample_embedder

ANSWERABLE = EvalQuestion("a", "?", "zh", "howto", ("r/x.md",), ("en",), ("--tp 8",))
UNANSWERABLE = EvalQuestion("u", "?", "en", "off_topic", answerable=False)
OTHER_PROJECT = EvalQuestion("o", "?", "en", "other_project", answerable=False)
FALSE_PREMISE = EvalQuestion("f", "?", "en", "false_premise", answerable=False)

KV = "lmdeploy/docs/en/quantization/kv_quant.md"
QUESTIONS = [
    EvalQuestion("kv", "set quant_policy to quantize the kv cache", "en", "howto", (KV,), ("en",)),
    EvalQuestion(
        "qlora", "用 QLoRA 在单卡上微调", "zh", "howto", ("xtuner/README_zh-CN.md",), ("zh",)
    ),
    EvalQuestion(
        "cross", "agents that call tools", "zh", "factoid", ("lagent/README.md",), ("en",)
    ),
    EvalQuestion("gone", "server port", "en", "howto", ("nowhere/x.md",), ("en",)),
    EvalQuestion("moon", "怎么去月球 <b>", "zh", "off_topic", answerable=False),
]
COVERED = Calibration({"coverage": 10.0}, -5.0, 0.5, "", 0, "", {})


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeRetriever]:
    folder = tmp_path_factory.mktemp("evaluation")
    build_pages(folder)
    index = open_sample(folder)
    yield KnowledgeRetriever(index=index, embedder=sample_embedder())
    index.close()


@pytest.fixture(scope="module")
def outcomes(finder: KnowledgeRetriever) -> list[Outcome]:
    return ask(judging(finder), QUESTIONS)


def judging(retriever: KnowledgeRetriever, threshold: float | None = None) -> Finder:
    return Finder(
        retriever, calibration=lambda _: COVERED, threshold=threshold, max_question_chars=500
    )


def test_first_rank() -> None:
    assert first_rank(["a"], ["b", "a", "a"]) == 2
    assert first_rank(["a"], []) is None


def test_retrieval_scores() -> None:
    scores = retrieval_scores([1, 4, None, 20])
    assert scores["hit@1"] == 0.25
    assert scores["hit@5"] == 0.5
    assert scores["hit@10"] == 0.5
    assert scores["mrr@10"] == pytest.approx((1 + 1 / 4) / 4)
    assert retrieval_scores([])["hit@1"] == 0


def test_groups() -> None:
    report = retrieval_report([ANSWERABLE, UNANSWERABLE], {"a": ["r/y.md", "r/x.md"], "u": []})
    assert list(report) == ["all", "language zh", "type howto", "cross-lingual"]
    assert report["cross-lingual"]["mrr@10"] == 0.5


def test_questions_without_language_and_type_are_in_no_such_group() -> None:
    report = retrieval_report([EvalQuestion("x", "?", sources=("r/x.md",))], {"x": ["r/x.md"]})
    assert list(report) == ["all"]
    assert report["all"]["hit@1"] == 1


def test_refusals() -> None:
    other = EvalQuestion("b", "?", sources=("x",))
    report = refusal_report([ANSWERABLE, other, UNANSWERABLE], {"a": True, "b": False, "u": True})
    assert report["precision"] == 0.5
    assert report["recall"] == 1
    assert report["f1"] == pytest.approx(2 / 3)
    assert report["false_refusals"] == 0.5
    assert report["refused off_topic"] == 1


def test_an_answerable_question_needs_no_sources() -> None:
    report = refusal_report([EvalQuestion("b", "?"), UNANSWERABLE], {"b": True, "u": False})
    assert report["false_refusals"] == 1
    assert report["recall"] == 0


def test_refusals_of_each_kind_share_the_false_ones() -> None:
    questions = [ANSWERABLE, UNANSWERABLE, OTHER_PROJECT, FALSE_PREMISE]
    refused = {"a": True, "u": True, "o": True, "f": False}
    report = refusal_by_kind(questions, refused)
    assert report["off_topic"]["precision"] == 0.5
    assert report["off_topic"]["recall"] == 1
    assert report["false_premise"]["f1"] == 0
    both = report["off_topic+other_project"]
    assert (both["questions"], both["refused"]) == (2, 2)
    assert both["precision"] == pytest.approx(2 / 3)


def test_answers() -> None:
    result = {"answer": "用 --TP 8 [1]", "refused": False, "citations": [{"source": "r/x.md"}]}
    assert answer_report([ANSWERABLE], {"a": result}) == {
        "answered": 1,
        "keywords": 1,
        "cited": 1,
        "cited_known_source": 1,
    }


def test_answers_without_keywords_and_questions_on_which_the_model_failed() -> None:
    plain = replace(ANSWERABLE, id="b", keywords=())
    result = {"answer": "nonsense", "refused": False, "citations": []}
    assert "keywords" not in answer_report([plain], {"b": result})
    assert answer_report([ANSWERABLE, plain], {"b": result})["answered"] == 0.5
    assert answer_report([ANSWERABLE, plain], {"b": result})["keywords"] == 0


def test_a_question_of_unknown_language_is_not_cross_lingual() -> None:
    assert not replace(ANSWERABLE, language="").is_cross_lingual
    assert ANSWERABLE.is_cross_lingual


def test_keywords_fold_width_case_and_spaces() -> None:
    assert has_keywords("用ＣＨＵＮＫ，约 4 / 5", ["chunk", "4/5"])
    assert not has_keywords("x", ["y"])


def test_percentiles() -> None:
    assert percentiles([]) == {"p50": 0, "p95": 0}
    assert percentiles([1.0, 2.0, 3.0])["p50"] == 2


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"id": 1}',
        "[" * 100_000,
        '{"id": 1, "question": " "}',
        '{"id": 1, "question": "x", "sources": "a/b"}',
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('{"id": 1, "question": "x\u2028y"}\n\n' + line, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"q\.jsonl, line 3"):
        read_questions(file)


@pytest.mark.parametrize("content", [None, b"", b"\n\n", b"\xff\xfe\x00"])
def test_a_file_without_questions_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "nowhere.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="nowhere"):
        read_questions(file)


def test_what_can_be_answered_depends_on_file_and_sources(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(
        '\ufeff{"id": 1, "question": "x", "sources": ["r/a"], "type": "howto"}\r\n'
        '{"id": 2, "question": "y", "kind": "off_topic"}\r\n',
        encoding="utf-8",
    )
    assert [q.answerable for q in read_questions(file)] == [True, True]
    assert [q.answerable for q in read_questions(file, answerable=False)] == [True, False]
    assert [q.kind for q in read_questions(file)] == ["howto", "off_topic"]


def test_two_questions_with_one_id_are_both_shown() -> None:
    with pytest.raises(SettingsError, match="'first' and 'second'"):
        check_ids([EvalQuestion("x", "first"), EvalQuestion("x", "second")])
    check_ids([EvalQuestion("x", "first"), EvalQuestion("y", "second")])


def test_dialogues_need_both_questions(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text('{"id": 1, "first_question": "a", "question": "b"}\n{"id": 2, "question": "b"}')
    with pytest.raises(SettingsError, match=r"line 2.*first_question"):
        read_dialogues(file)


def test_asking_gives_ranks_refusals_and_times(outcomes: list[Outcome]) -> None:
    by_id = {outcome.question.id: outcome for outcome in outcomes}
    assert by_id["kv"].rank == 1
    assert not by_id["kv"].refused
    assert by_id["gone"].rank is None
    assert by_id["moon"].refused
    assert all(outcome.retrieved.milliseconds > 0 for outcome in outcomes)


def test_a_given_threshold_is_used_instead(finder: KnowledgeRetriever) -> None:
    assert all(outcome.refused for outcome in ask(judging(finder, threshold=1.0), QUESTIONS))


def test_a_question_that_the_page_would_not_accept_is_named(finder: KnowledgeRetriever) -> None:
    long = EvalQuestion("log", "x" * 501)
    with pytest.raises(SettingsError, match=r"'log' has 501 characters .*at most 500"):
        ask(judging(finder), [*QUESTIONS, long])


def test_progress_is_told(finder: KnowledgeRetriever) -> None:
    seen = Reports()
    ask(judging(finder), QUESTIONS, progress=seen)
    assert seen[-1] == ("search", len(QUESTIONS), len(QUESTIONS), "questions")


def test_variants_are_compared_on_questions_with_sources(finder: KnowledgeRetriever) -> None:
    report = compare(finder, QUESTIONS, {**BASELINES, **STEPS})
    assert list(report) == [*BASELINES, *STEPS]
    assert {groups["all"]["questions"] for groups in report.values()} == {4}
    assert report["keyword only"]["all"]["hit@5"] == 0.75


def test_follow_ups_are_better_with_the_question_before(finder: KnowledgeRetriever) -> None:
    leaning = Dialogue(
        "d1", "how is the kv cache quantized", "with 8", "and online?",
        "quantize the kv cache online", (KV,), needs_context=True,
    )  # fmt: skip
    alone = replace(
        leaning,
        question="which file format has a dataset of conversations",
        sources=("xtuner/docs/dataset.md",),
        needs_context=False,
    )
    report = follow_ups(finder, [leaning, alone])
    assert report["needs context"]["by rules"]["rewritten"] == 1
    assert report["needs context"]["by rules"]["hit@1"] == 1
    assert report["stands alone"]["by rules"]["rewritten"] == 0
    assert report["stands alone"]["by rules"] == report["stands alone"]["alone"]
    assert 0 < report["milliseconds"]["by rules"]["p95"] < 50


def made_up(count: int, coverage: float, *, answerable: bool) -> list[Outcome]:
    kind = "howto" if answerable else "off_topic"
    return [
        Outcome(
            EvalQuestion(f"{kind}{i}", "?", "en", kind, answerable=answerable),
            make_retrieved(
                evidence=Evidence(0.85, coverage + 0.02 * (i % 7), coverage, 0.0, 0.2, 1.0),
                vector=np.full(4, 0.5, np.float32),
            ),
        )
        for i in range(count)
    ]


def test_fitting_tells_both_kinds_apart_whatever_their_order() -> None:
    good, bad = made_up(30, 0.8, answerable=True), made_up(20, 0.1, answerable=False)
    fitted = fit([*bad, *good], embedder="e:1", chunks=9, data="made up")
    assert fitted.scores["f1"] == 1
    assert fitted.by_kind["off_topic"]["refused"] == 20
    assert fitted.calibration.embedder == "e:1"
    judged = fitted.judged([*good, *bad])
    assert [outcome.refused for outcome in judged] == [False] * 30 + [True] * 20
    first, *_, last = (outcome.retrieved.confidence for outcome in judged)
    assert first > fitted.calibration.threshold > last


def test_fitting_shows_when_nothing_can_be_told() -> None:
    alike = made_up(30, 0.5, answerable=True), made_up(20, 0.5, answerable=False)
    fitted = fit([*alike[0], *alike[1]], embedder="e:1", chunks=9, data="made up")
    assert fitted.scores["f1"] < 0.3


def test_the_page_has_everything_and_loads_nothing(outcomes: list[Outcome]) -> None:
    questions = [outcome.question for outcome in outcomes]
    refused = {outcome.question.id: outcome.refused for outcome in outcomes}
    found = {outcome.question.id: outcome.addresses for outcome in outcomes}
    report = {
        "retrieval": retrieval_report(questions, found),
        "refusal": refusal_report(questions, refused),
        "refusal_by_kind": refusal_by_kind(questions, refused),
        "latency_ms": {"p50": 1.0, "p95": 2.0},
    }
    text = page(Evaluation({"on": "a <day>"}, report, outcomes, 0.5))
    assert "a &lt;day&gt;" in text
    assert "Not among the first 5: 1" in text
    assert "nowhere/x.md" in text
    assert "怎么去月球 <b>" not in text
    assert text.count("<svg") == 3
    assert not re.search(r"(?:src|href)=|url\(|@import|<script", text)


def test_a_page_of_questions_without_sources(outcomes: list[Outcome]) -> None:
    text = page(Evaluation({}, {}, outcomes[-1:], 0.5))
    assert "Refused in error" not in text
    assert "</html>" in text


def test_bars_are_as_long_as_their_values() -> None:
    plot = bars([("a", [0.5, 1.0])], ["x", "y"], "title")
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="9.0"', plot)]
    full = widths[0]
    assert widths == [full, full / 2, full, full]


def test_distributions_mark_the_wrong_side() -> None:
    plot = distributions([("good", True, [0.9, 0.2]), ("bad", False, [0.1, 1.0])], 0.5, "title")
    assert plot.count('class="right"') == plot.count('class="wrong"') == 2
    assert plot.count('class="threshold"') == 1
