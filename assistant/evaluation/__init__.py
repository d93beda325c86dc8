"""Evaluation of retrieval, refusals and answers on questions with known sources.

`questions` reads the questions, `asking` runs them, `scores` computes the metrics, `baselines`
has simpler rankings to compare with, and `fitting` calibrates refusals.
"""

from assistant.evaluation.asking import Outcome, ask, compare, follow_ups
from assistant.evaluation.fitting import Fitted, fit
from assistant.evaluation.questions import (
    EvalQuestion,
    check_ids,
    read_dialogues,
    read_questions,
)
from assistant.evaluation.scores import (
    answer_report,
    percentiles,
    refusal_by_kind,
    refusal_report,
    retrieval_report,
)

__all__ = [
    "EvalQuestion",
    "Fitted",
    "Outcome",
    "answer_report",
    "ask",
    "check_ids",
    "compare",
    "fit",
    "follow_ups",
    "percentiles",
    "read_dialogues",
    "read_questions",
    "refusal_by_kind",
    "refusal_report",
    "retrieval_report",
]
