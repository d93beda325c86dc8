"""Fits the calibration of refusals to evaluation questions, with cross-validated scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assistant.answering.grounding import FEATURES, Calibration
from assistant.evaluation.asking import Outcome
from assistant.evaluation.calibrating import best_threshold, calibrate, cross_validated
from assistant.evaluation.scores import refusal_by_kind, refusal_report


@dataclass(frozen=True, slots=True)
class Fitted:
    """A calibration and its cross-validated results.

    Attributes:
        calibration: Fitted to all questions.
        confidence: Question ID -> probability by models fitted without the question.
        refused: Question ID -> whether that is below a threshold chosen without the question.
        scores: `refusal_report` of these refusals.
        by_kind: `refusal_by_kind` of these refusals.
    """

    calibration: Calibration
    confidence: dict[str, float]
    refused: dict[str, bool]
    scores: dict[str, float]
    by_kind: dict[str, dict[str, float]]

    def judged(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes with the cross-validated confidence and refusals."""
        return [
            replace(
                outcome,
                retrieved=replace(
                    outcome.retrieved,
                    confidence=self.confidence[outcome.question.id],
                    answerable=not self.refused[outcome.question.id],
                ),
            )
            for outcome in outcomes
        ]


def fit(
    outcomes: Sequence[Outcome],
    *,
    embedder: str,
    chunks: int,
    data: str,
    features: Sequence[str] = FEATURES,
) -> Fitted:
    """Calibrate on questions known to be answerable or not.

    The question's vector is used only with all features, and only if it lowers the loss.

    Args:
        outcomes: Search results for all questions.
        embedder: Identity of the embedder.
        chunks: Size of the index.
        data: Description of the questions.
        features: Names of the features to use.

    Raises:
        SettingsError: There are fewer than ten questions of either kind.
    """
    ordered = sorted(outcomes, key=lambda outcome: not outcome.question.answerable)
    answerable = [o.retrieved.evidence for o in ordered if o.question.answerable]
    others = [o.retrieved.evidence for o in ordered if not o.question.answerable]
    labels = np.array([1] * len(answerable) + [0] * len(others))
    probabilities = cross_validated(answerable, others, features)
    vectors = None
    # An embedder-independent calibration cannot use vectors, and a few questions are not
    # enough to fit their weights.
    if set(features) == set(FEATURES):
        own = np.stack([outcome.retrieved.vector for outcome in ordered])
        with_vectors = cross_validated(answerable, others, features, own)
        if _surprise(with_vectors, labels) < _surprise(probabilities, labels):
            vectors, probabilities = own, with_vectors
    calibration = calibrate(
        answerable,
        others,
        embedder=embedder,
        chunks=chunks,
        data=data,
        features=features,
        vectors=vectors,
    )
    confidence, refused = {}, {}
    for place, outcome in enumerate(ordered):
        rest = np.arange(len(ordered)) != place
        threshold, _ = best_threshold(probabilities[rest], labels[rest])
        confidence[outcome.question.id] = float(probabilities[place])
        refused[outcome.question.id] = bool(probabilities[place] < threshold)
    questions = [outcome.question for outcome in ordered]
    return Fitted(
        calibration,
        confidence,
        refused,
        refusal_report(questions, refused),
        refusal_by_kind(questions, refused),
    )


def _surprise(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean log loss; lower is better."""
    right = np.where(labels == 1, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(right, 1e-9)).mean())
