"""Runs evaluation questions through the same search as the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assistant.answering.find import Finder
from assistant.answering.follow_up import standalone_by_rules
from assistant.documents import Question, Retrieved, Turn
from assistant.errors import QuestionTooLongError, SettingsError
from assistant.evaluation.baselines import Variant
from assistant.evaluation.questions import Dialogue, EvalQuestion
from assistant.evaluation.scores import (
    first_rank,
    percentiles,
    retrieval_report,
    retrieval_scores,
)
from assistant.progress import Progress, silent
from assistant.retriever import KnowledgeRetriever

_K = 10  # hits


@dataclass(frozen=True, slots=True)
class Outcome:
    """Search results for one question, and whether it was refused.

    Attributes:
        question: The question, with its known sources.
        retrieved: Its search results.
    """

    question: EvalQuestion
    retrieved: Retrieved

    @property
    def refused(self) -> bool:
        """Whether the question was refused."""
        return not self.retrieved.answerable

    @property
    def addresses(self) -> list[str]:
        """Addresses of the hits, best first."""
        return [hit.chunk.address for hit in self.retrieved.hits]

    @property
    def rank(self) -> int | None:
        """Rank (from 1) of the first hit from a known source; None if there is none."""
        return first_rank(self.question.sources, self.addresses)


def ask(
    finder: Finder, questions: Sequence[EvalQuestion], progress: Progress = silent
) -> list[Outcome]:
    """Search for each question and judge whether it can be answered.

    A warm-up run of the first question keeps loading times out of the measurements.

    Returns:
        One outcome for each question, in the given order.

    Raises:
        SettingsError: A question is longer than the page accepts.
    """
    for question in questions[:1]:
        _found(finder, question)
    outcomes = []
    for done, question in enumerate(questions, start=1):
        outcomes.append(Outcome(question, _found(finder, question)))
        progress("search", done, len(questions), "questions")
    return outcomes


def _found(finder: Finder, question: EvalQuestion) -> Retrieved:
    try:
        return finder.find(Question(question.question), k=_K)
    except QuestionTooLongError as error:
        raise SettingsError(
            f"question {question.id!r} has {error.characters} characters",
            expected=error.expected,
            action="Shorten it, or raise ASSISTANT_MAX_QUESTION_CHARS.",
        ) from error


def compare(
    finder: KnowledgeRetriever,
    questions: Sequence[EvalQuestion],
    variants: Mapping[str, Variant],
    progress: Progress = silent,
) -> dict[str, dict[str, dict[str, float]]]:
    """Run other rankings on the index in use.

    Returns:
        Name of the variant -> its `retrieval_report`.
    """
    asked = [question for question in questions if question.sources]
    vectors = finder.embedder.encode_queries([question.question for question in asked])
    reports = {}
    with finder.index.current() as version:
        for done, (name, variant) in enumerate(variants.items(), start=1):
            found = {
                question.id: variant(version, question.question, vector)
                for question, vector in zip(asked, vectors, strict=True)
            }
            reports[name] = retrieval_report(asked, found)
            progress("compare", done, len(variants), "rankings")
    return reports


def follow_ups(
    finder: KnowledgeRetriever, dialogues: Sequence[Dialogue], progress: Progress = silent
) -> dict[str, dict[str, dict[str, float]]]:
    """Score the retrieval of second questions, for each way to make them standalone.

    Returns:
        "needs context" and "stands alone" (the two kinds of dialogues) -> "alone" (unchanged),
        "by rules" and "given" (rewritten by a person) -> retrieval scores and the share
        "rewritten". Also "milliseconds" -> "by rules" -> p50 and p95 of rewriting.
    """
    milliseconds: list[float] = []

    def by_rules(dialogue: Dialogue) -> str:
        history = [Turn(Question(dialogue.first_question), dialogue.first_answer)]
        started = time.perf_counter()
        question = standalone_by_rules(dialogue.question, history)
        milliseconds.append((time.perf_counter() - started) * 1000)
        return question

    forms: dict[str, Callable[[Dialogue], str]] = {
        "alone": lambda dialogue: dialogue.question,
        "by rules": by_rules,
        "given": lambda dialogue: dialogue.standalone,
    }
    report: dict[str, dict[str, dict[str, float]]] = {}
    done = 0
    for name, needs in (("needs context", True), ("stands alone", False)):
        group = [dialogue for dialogue in dialogues if dialogue.needs_context == needs]
        for form, made in forms.items():
            questions = [made(dialogue) for dialogue in group]
            ranks = []
            for dialogue, question in zip(group, questions, strict=True):
                hits = finder.retrieve(question, _K)
                ranks.append(first_rank(dialogue.sources, [hit.chunk.address for hit in hits]))
                done += 1
                progress("follow up", done, len(dialogues) * len(forms), "questions")
            changed = sum(q != d.question for d, q in zip(group, questions, strict=True))
            scores = {**retrieval_scores(ranks), "rewritten": changed / max(1, len(group))}
            report.setdefault(name, {})[form] = scores
    report["milliseconds"] = {"by rules": percentiles(milliseconds)}
    return report
