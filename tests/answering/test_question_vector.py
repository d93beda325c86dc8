"""The question's own vector as evidence: what it is about, apart from what was found."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from assistant.answering.grounding import read_calibration
from assistant.documents import Evidence
from assistant.embeddings.base import Vectors
from assistant.evaluation.calibrating import calibrate, cross_validated

ALIKE = [Evidence(0.85, 0.4, 0.5, 0.0, 0.2, 1.5)] * 60


def vectors() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Of 60 questions about one thing and 60 about another, of length 1."""
    random = np.random.default_rng(0)
    rows = random.normal(0, 0.1, size=(120, 8))
    rows[:60, 0] += 0.3
    rows[60:, 1] += 0.3
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_it_tells_apart_what_the_other_evidence_does_not() -> None:
    rows = vectors()
    without = cross_validated(ALIKE, ALIKE)
    with_them = cross_validated(ALIKE, ALIKE, vectors=rows)
    labels = np.arange(120) < 60
    assert np.mean((without > 0.5) == labels) < 0.7
    assert np.mean((with_them > 0.5) == labels) > 0.85


def test_it_is_kept_and_used() -> None:
    rows = vectors()
    found = calibrate(ALIKE, ALIKE, embedder="e:1", chunks=1, data="", vectors=rows)
    again = read_calibration(json.loads(json.dumps(asdict(found))))
    assert again == found
    assert len(again.direction) == 8
    good = again.probability(ALIKE[0], rows[0])
    bad = again.probability(ALIKE[0], rows[100])
    assert good > bad


def test_without_it_nothing_changes() -> None:
    found = calibrate(ALIKE, ALIKE, embedder="e:1", chunks=1, data="")
    assert found.direction == ()
    assert found.probability(ALIKE[0], vectors()[0]) == pytest.approx(found.probability(ALIKE[0]))
