"""When evidence is enough: calibrated on made-up evidence of two kinds of questions."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from assistant.answering.grounding import (
    EMBEDDER_FREE,
    FEATURES,
    Calibration,
    read_calibration,
    shipped_calibration,
)
from assistant.documents import Evidence
from assistant.errors import IndexCorruptError, SettingsError
from assistant.evaluation.calibrating import best_threshold, calibrate, cross_validated

IDENTITY = "some-model:0123:query: :passage: "


def make_evidence(count: int, strength: float, seed: int) -> list[Evidence]:
    """Evidence that speaks for an answer the more, the nearer `strength` is to 1."""
    random = np.random.default_rng(seed)
    rows = np.clip(random.normal(strength, 0.15, size=(count, 3)), 0, 1)
    return [
        Evidence(
            similarity=0.8 + 0.1 * row[0],
            coverage=row[1],
            agreement=row[2],
            unknown_names=float(random.random() > strength),
            missing_name=1 - row[1],
            length=1.5,
        )
        for row in rows
    ]


GOOD, BAD = make_evidence(60, 0.8, seed=1), make_evidence(40, 0.25, seed=2)


def fit(**changes: Any) -> Calibration:
    return calibrate(GOOD, BAD, embedder=IDENTITY, chunks=1000, data="made up", **changes)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fit()


def test_questions_that_were_not_seen_are_told_apart(calibration: Calibration) -> None:
    good, bad = make_evidence(100, 0.8, seed=3), make_evidence(100, 0.25, seed=4)
    answered = [calibration.probability(e) >= calibration.threshold for e in good]
    refused = [calibration.probability(e) < calibration.threshold for e in bad]
    assert sum(answered) >= 94
    assert sum(refused) >= 94
    assert calibration.scores["f1"] > 0.9


def test_confidence_is_a_probability_that_grows_with_the_evidence(calibration: Calibration) -> None:
    confidences = [
        calibration.probability(replace(GOOD[0], coverage=x, missing_name=1 - x))
        for x in (0.0, 0.3, 0.6, 1.0)
    ]
    assert confidences == sorted(confidences)
    assert 0 < confidences[0] < confidences[-1] < 1


def test_the_plain_weights_say_what_the_fitted_model_says(calibration: Calibration) -> None:
    total = calibration.intercept + sum(
        calibration.weights[name] * value for name, value in asdict(BAD[0]).items()
    )
    assert calibration.probability(BAD[0]) == pytest.approx(1 / (1 + math.exp(-total)))
    # A question's probability does not change much when it is among those fitted on.
    unseen = cross_validated(GOOD, BAD)
    seen = [calibration.probability(evidence) for evidence in (*GOOD, *BAD)]
    assert np.abs(unseen - seen).max() < 0.1


def test_the_threshold_is_between_both_kinds(calibration: Calibration) -> None:
    bad, good = (calibration.probability(kind[0]) for kind in (BAD, GOOD))
    assert bad < calibration.threshold < good


def test_few_answerable_questions_are_refused_however_bad_the_evidence() -> None:
    alike = make_evidence(60, 0.5, seed=5), make_evidence(60, 0.45, seed=6)
    found = calibrate(*alike, embedder="", chunks=1, data="")
    assert found.scores["false_refusals"] <= 0.04
    refused = sum(found.probability(evidence) < found.threshold for evidence in alike[0])
    assert refused <= 0.1 * len(alike[0])


@pytest.mark.parametrize(
    ("probabilities", "labels", "threshold", "f1"),
    [
        ([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], 0.5, 1.0),
        ([0.9, 0.3, 0.1, 0.4], [1, 1, 0, 0], 0.2, 2 / 3),  # 0.4 could only go with 0.3
        ([0.1, 0.2, 0.9, 0.8], [1, 1, 0, 0], 0.1, 0.0),
    ],
)
def test_best_threshold_by_hand(
    probabilities: list[float], labels: list[int], threshold: float, f1: float
) -> None:
    found, scores = best_threshold(np.array(probabilities), np.array(labels))
    assert found == pytest.approx(threshold)
    assert scores["f1"] == pytest.approx(f1)
    assert scores["false_refusals"] == 0


def test_a_false_refusal_is_allowed_where_it_is_rare() -> None:
    probabilities = np.array([0.3] + [0.9] * 29 + [0.1] * 10 + [0.5] * 10)
    labels = np.array([1] * 30 + [0] * 20)
    threshold, scores = best_threshold(probabilities, labels)
    assert threshold == pytest.approx(0.7)
    assert scores["false_refusals"] == pytest.approx(1 / 30)


def test_the_same_questions_give_the_same_calibration(calibration: Calibration) -> None:
    assert fit() == calibration


def test_a_calibration_can_leave_the_embedder_out() -> None:
    found = fit(features=EMBEDDER_FREE)
    assert set(found.weights) == set(EMBEDDER_FREE) == set(FEATURES) - {"similarity"}
    evidence = GOOD[0]
    assert found.probability(evidence) == found.probability(replace(evidence, similarity=0.0))


def test_it_survives_json(calibration: Calibration) -> None:
    again = read_calibration(json.loads(json.dumps(asdict(calibration))))
    assert again == calibration
    assert again.probability(BAD[0]) == calibration.probability(BAD[0])


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {"wishes": 1.0}},
        {"weights": None},
        {"surprise": 1},
        {"threshold": ...},
    ],
)
def test_what_cannot_be_read_says_how_to_make_it_anew(
    calibration: Calibration, change: dict[str, object]
) -> None:
    content = {k: v for k, v in (asdict(calibration) | change).items() if v is not ...}
    with pytest.raises(IndexCorruptError, match="--calibrate"):
        read_calibration(content)


def test_mismatch_says_why(calibration: Calibration) -> None:
    assert calibration.mismatch(IDENTITY, 1000) == ""
    assert calibration.mismatch(IDENTITY, 1190) == ""
    assert "another embedder" in calibration.mismatch("another:1", 1000)
    assert "1000 chunks" in calibration.mismatch(IDENTITY, 700)
    assert "now has 1300" in calibration.mismatch(IDENTITY, 1300)


@pytest.mark.parametrize("identity", ["multilingual-e5-small:abc:query: :", "another:1", ""])
def test_there_is_a_calibration_for_the_default_embedder_and_for_any_other(identity: str) -> None:
    shipped = shipped_calibration(identity)
    assert set(shipped.weights) <= set(FEATURES)
    assert 0 < shipped.threshold < 1
    best = Evidence(0.95, 1.0, 1.0, 0.0, 0.0, 1.8)
    worst = Evidence(0.75, 0.0, 0.0, 3.0, 1.0, 1.8)
    assert shipped.probability(worst) < shipped.threshold <= shipped.probability(best)


def test_for_other_embedders_the_similarity_does_not_count() -> None:
    assert "similarity" not in shipped_calibration("another:1").weights
    assert "similarity" in shipped_calibration("multilingual-e5-small:1").weights


@pytest.mark.parametrize(("answerable", "unanswerable"), [(9, 40), (60, 9), (0, 0)])
def test_too_few_questions_say_how_many_are_needed(answerable: int, unanswerable: int) -> None:
    with pytest.raises(SettingsError, match="at least 10 of each"):
        calibrate(GOOD[:answerable], BAD[:unanswerable], embedder="", chunks=1, data="")
