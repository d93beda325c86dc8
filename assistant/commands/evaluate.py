"""Score retrieval, refusal and, with --answers, answers on questions of your own.

docs/evaluation.md says how to write the questions and how to read the tables.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from assistant.answering.chain import AnswerChain
from assistant.answering.grounding import EMBEDDER_FREE, FEATURES
from assistant.application import Application
from assistant.commands.command_line import parser, print_json, settings_for
from assistant.commands.evaluation_tables import tables
from assistant.commands.terminal_progress import TerminalProgress, say
from assistant.contract import Fields, answer_fields
from assistant.errors import ChatModelError, QuestionError, SettingsError
from assistant.evaluation import (
    EvalQuestion,
    Fitted,
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
from assistant.evaluation.baselines import BASELINES, STEPS, Variant, course
from assistant.index import Manifest
from assistant.indexing.calibrating import store_calibration
from assistant.reports.evaluation_page import Evaluation, page
from assistant.settings import Settings

_INDEX = Path()  # --calibrate without a file


def main() -> int:
    """Evaluate and print the tables."""
    arguments = _arguments()
    settings = settings_for(arguments)
    questions = [q for file in arguments.qa for q in read_questions(file)]
    questions += [q for f in arguments.unanswerable for q in read_questions(f, answerable=False)]
    check_ids(questions)
    dialogues = [d for file in arguments.dialogues for d in read_dialogues(file)]
    against: dict[str, Variant] = {"course": course(arguments.course)} if arguments.course else {}
    progress = TerminalProgress()
    application = Application(settings, progress)
    retriever = application.retriever
    manifest = retriever.manifest
    _warn_of_unknown_sources(questions, manifest)
    report: dict[str, Any] = {}
    outcomes: list[Outcome] = []
    fitted: dict[str, Fitted] = {}
    if questions:
        outcomes = ask(application.finder, questions, progress)
        report |= _scores(outcomes)
    if arguments.compare or arguments.course:
        variants = {**BASELINES, **against, **STEPS}
        report["compare"] = compare(retriever, questions, variants, progress)
        report["compare"]["+ folding (ours)"] = report["retrieval"]
    if arguments.calibrate is not None:
        fitted = _calibrate(arguments, settings, manifest, outcomes)
        report["calibration"] = {name: _fitted_report(one) for name, one in fitted.items()}
    if dialogues:
        report["dialogues"] = follow_ups(retriever, dialogues, progress)
    if arguments.answers:
        chain = application.chain
        report["answers"] = _answers(chain, questions, progress)
    for line in tables(report):
        say(line)
    if arguments.report:
        threshold = application.finder.threshold(manifest)
        _write_page(arguments, manifest, report, outcomes, threshold, fitted)
    if arguments.json:
        print_json(report)
    return 0


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    several: dict[str, Any] = {"type": Path, "nargs": "+", "action": "extend", "default": []}
    several["metavar"] = "F.jsonl"
    options.add_argument("--qa", **several, help="questions that can be answered")
    options.add_argument("--unanswerable", **several, help="questions that cannot")
    options.add_argument("--dialogues", **several, help="two turns each")
    options.add_argument("--answers", action="store_true", help="ask the chat model too")
    options.add_argument(
        "--compare",
        action="store_true",
        help="simpler rankings side by side, and what each part brings",
    )
    options.add_argument(
        "--course",
        type=Path,
        metavar="D",
        help="compare with what scripts/course_pipeline.py wrote",
    )
    options.add_argument(
        "--calibrate",
        type=Path,
        nargs="?",
        const=_INDEX,
        metavar="F.json",
        help="fit when to refuse and keep it with the index, or write it to a file",
    )
    options.add_argument("--report", type=Path, metavar="F.html", help="write a page of plots")
    arguments = options.parse_args()
    if not (arguments.qa or arguments.dialogues):
        options.error("give --qa or --dialogues")
    if arguments.unanswerable and not arguments.qa:
        options.error("--unanswerable needs --qa: refusing everything would be right")
    if not arguments.qa and (arguments.compare or arguments.course or arguments.answers):
        options.error("--compare, --course and --answers need --qa")
    if arguments.calibrate is not None and not (arguments.qa and arguments.unanswerable):
        options.error("--calibrate needs --qa and --unanswerable")
    return arguments


def _scores(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    questions = [outcome.question for outcome in outcomes]
    refused = {outcome.question.id: outcome.refused for outcome in outcomes}
    found = {outcome.question.id: outcome.addresses for outcome in outcomes}
    return {
        "retrieval": retrieval_report(questions, found),
        "refusal": refusal_report(questions, refused),
        "refusal_by_kind": refusal_by_kind(questions, refused),
        "latency_ms": percentiles([outcome.retrieved.milliseconds for outcome in outcomes]),
    }


def _warn_of_unknown_sources(questions: Sequence[EvalQuestion], manifest: Manifest) -> None:
    for question in questions:
        unknown = [source for source in question.sources if source not in manifest.files]
        if question.sources and len(unknown) == len(question.sources):
            say(f"Warning: {question.id}: not in the index: {', '.join(unknown)}")


def _calibrate(
    arguments: argparse.Namespace,
    settings: Settings,
    manifest: Manifest,
    outcomes: Sequence[Outcome],
) -> dict[str, Fitted]:
    """Fit, and keep with the index or in a file; name of the embedder -> what was fitted."""
    files = ", ".join(file.name for file in (*arguments.qa, *arguments.unanswerable))
    answerable = sum(outcome.question.answerable for outcome in outcomes)
    data = (
        f"{files}: {answerable} answerable and {len(outcomes) - answerable} unanswerable "
        f"questions, {date.today():%Y-%m-%d}"
    )
    name = manifest.embedder.partition(":")[0]
    features = {name: FEATURES}
    if arguments.calibrate != _INDEX:
        features["other"] = EMBEDDER_FREE
    fitted = {
        key: fit(
            outcomes,
            embedder=manifest.embedder if key == name else "",
            chunks=manifest.chunks,
            data=data,
            features=used,
        )
        for key, used in features.items()
    }
    if arguments.calibrate == _INDEX:
        store_calibration(settings.db_folder, asdict(fitted[name].calibration))
        say("The calibration is kept with the index. Restart what is running to use it.")
    else:
        content = {key: asdict(one.calibration) for key, one in fitted.items()}
        _write(arguments.calibrate, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return fitted


def _fitted_report(fitted: Fitted) -> dict[str, Any]:
    calibration = fitted.calibration
    return {
        "threshold": calibration.threshold,
        "data": calibration.data,
        **_refusal(fitted),
    }


def _refusal(fitted: Fitted) -> dict[str, Any]:
    return {"refusal": fitted.scores, "refusal_by_kind": fitted.by_kind}


def _answers(
    chain: AnswerChain, questions: list[EvalQuestion], progress: TerminalProgress
) -> dict[str, float]:
    results: dict[str, Fields] = {}
    for done, question in enumerate(questions, start=1):
        try:
            results[question.id] = answer_fields(chain.invoke(question.question))
        except (QuestionError, ChatModelError) as error:
            say(f"{question.id}: {error}")
        progress("answer", done, len(questions), "questions")
    first_words = [
        r["timings"]["first_token"] for r in results.values() if r["timings"]["first_token"]
    ]
    return {
        **answer_report(questions, results),
        **{f"first_token_ms_{name}": value for name, value in percentiles(first_words).items()},
    }


def _write_page(
    arguments: argparse.Namespace,
    manifest: Manifest,
    report: dict[str, Any],
    outcomes: Sequence[Outcome],
    threshold: float,
    fitted: dict[str, Fitted],
) -> None:
    files = [*arguments.qa, *arguments.unanswerable, *arguments.dialogues]
    about = {
        "on": f"{date.today():%Y-%m-%d}",
        "index of": f"{manifest.chunks} passages in {len(manifest.files)} files",
        "embedder": manifest.embedder.partition(":")[0],
        "questions": ", ".join(file.name for file in files),
    }
    if fitted:
        one = next(iter(fitted.values()))
        threshold = one.calibration.threshold
        outcomes = one.judged(outcomes)
        report = {**report, **_refusal(one)}
    text = page(Evaluation(about, report, outcomes, threshold, cross_validated=bool(fitted)))
    _write(arguments.report, text)
    say(f"Page written to {arguments.report}")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written: {error.strerror}",
            expected="a file in a folder that exists and can be written",
            action="Name another file.",
        ) from error
