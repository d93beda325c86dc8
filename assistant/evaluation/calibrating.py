"""Fits a `Calibration` to the evidence for questions known to be answerable or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from assistant.answering.grounding import FEATURES, Calibration, Vectors
from assistant.documents import Evidence
from assistant.errors import SettingsError

_REGULARISATION = 0.3  # scikit-learn's C, on features of unit variance
# Refusing an answerable question is worse than asking the model in vain.
_MOST_FALSE_REFUSALS = 0.04
_FEWEST = 10  # questions of each kind
# A vector's components are far smaller than 1. Scaled by this factor, all of them together
# weigh about as much as the other evidence.
_VECTOR_SCALE = 10.0


def calibrate(
    answerable: Sequence[Evidence],
    unanswerable: Sequence[Evidence],
    *,
    embedder: str,
    chunks: int,
    data: str,
    features: Sequence[str] = FEATURES,
    vectors: Vectors | None = None,
) -> Calibration:
    """Fit the weights, and choose the threshold on cross-validated probabilities.

    Among the thresholds that refuse at most 4 % of the answerable questions, the one with the
    best F1 of refusals is chosen.

    Args:
        answerable: Evidence for answerable questions.
        unanswerable: Evidence for unanswerable questions.
        embedder: Identity of the embedder.
        chunks: Size of the index.
        data: Description of the questions.
        features: Names of the features to use.
        vectors: Embeddings of the questions, (n, dimension), answerable ones first; None: do
            not use them.

    Raises:
        SettingsError: There are fewer than ten questions of either kind.
    """
    if min(len(answerable), len(unanswerable)) < _FEWEST:
        raise SettingsError(
            f"{len(answerable)} questions with sources and {len(unanswerable)} without",
            expected=f"at least {_FEWEST} of each",
            action="Add questions to the files passed to --qa and --unanswerable.",
        )
    values = _table([*answerable, *unanswerable], features, vectors)
    labels = _labels(answerable, unanswerable)
    probabilities = cross_validated(answerable, unanswerable, features, vectors)
    threshold, scores = best_threshold(probabilities, labels)
    weights, intercept = _fit(values, labels, len(features))
    return Calibration(
        weights={name: float(w) for name, w in zip(features, weights, strict=False)},
        intercept=intercept,
        threshold=threshold,
        embedder=embedder,
        chunks=chunks,
        data=data,
        scores=scores,
        direction=tuple(round(float(w), 4) for w in weights[len(features) :]),
    )


def cross_validated(
    answerable: Sequence[Evidence],
    unanswerable: Sequence[Evidence],
    features: Sequence[str] = FEATURES,
    vectors: Vectors | None = None,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Probability of each question by models that were fitted without it.

    Mean of five repetitions of stratified five-fold cross-validation.

    Args:
        answerable: Evidence for answerable questions.
        unanswerable: Evidence for unanswerable questions.
        features: Names of the features to use.
        vectors: Embeddings of the questions, (n, dimension), answerable ones first; None: do
            not use them.

    Returns:
        (n,) probabilities, answerable questions first.
    """
    from sklearn.model_selection import RepeatedStratifiedKFold

    values = _table([*answerable, *unanswerable], features, vectors)
    labels = _labels(answerable, unanswerable)
    repeats = 5
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=0)
    total = np.zeros(len(labels))
    for train, test in folds.split(values, labels):
        weights, intercept = _fit(values[train], labels[train], len(features))
        total[test] += 1 / (1 + np.exp(-(values[test] @ weights + intercept)))
    return total / repeats


def _fit(values: Any, labels: Any, features: int) -> tuple[Any, float]:
    """Weights of unscaled values, and the intercept; later columns are the question's vector."""
    from sklearn.linear_model import LogisticRegression

    means, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread == 0] = 1
    spread[features:] = 1 / _VECTOR_SCALE
    model = LogisticRegression(C=_REGULARISATION, max_iter=1000)
    model.fit((values - means) / spread, labels)
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - weights @ means)


def _table(evidence: Sequence[Evidence], features: Sequence[str], vectors: Vectors | None) -> Any:
    table = np.array([[asdict(one)[name] for name in features] for one in evidence])
    return table if vectors is None else np.hstack([table, vectors])


def _labels(answerable: Sequence[Evidence], unanswerable: Sequence[Evidence]) -> Any:
    return np.array([1] * len(answerable) + [0] * len(unanswerable))


def best_threshold(probabilities: Any, labels: Any) -> tuple[float, dict[str, float]]:
    """Best threshold and its scores.

    Args:
        probabilities: (n,) probabilities of being answerable.
        labels: (n,) 1 for answerable questions, otherwise 0.
    """
    best = (0.0, {"f1": -1.0})
    for threshold in np.unique(probabilities):
        refused = probabilities < threshold
        wrong, right = int((refused & (labels == 1)).sum()), int((refused & (labels == 0)).sum())
        if wrong > _MOST_FALSE_REFUSALS * (labels == 1).sum():
            break
        f1 = 2 * right / max(1, right + wrong + int((labels == 0).sum()))
        if f1 > best[1]["f1"]:
            scores = {"f1": f1, "false_refusals": wrong / int((labels == 1).sum())}
            best = (float(threshold), scores)
    # Halfway between the last refused and the first accepted question.
    below = probabilities[probabilities < best[0]]
    threshold = (best[0] + float(below.max())) / 2 if len(below) else best[0]
    return round(threshold, 6), best[1]
