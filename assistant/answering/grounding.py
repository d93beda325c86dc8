"""Decides whether the knowledge base can answer a question.

Logistic regression on a question's `Evidence`, calibrated on questions known to be answerable
or not (`scripts/evaluate.py --calibrate`). Without such questions, the calibration shipped with
the package is used: it was fitted on the default knowledge base, and for other embedders it
uses only the features that do not depend on the embedder's scale.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.documents import Evidence
from assistant.errors import IndexCorruptError
from assistant.index import Manifest
from assistant.project import as_typed

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

FEATURES = tuple(field.name for field in fields(Evidence))
EMBEDDER_FREE = tuple(name for name in FEATURES if name != "similarity")
_SHIPPED = Path(__file__).with_name("calibration.json")
_CORPUS_CHANGE = 0.2  # share of chunks by which an index may grow or shrink


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted model for the probability that a question can be answered.

    Attributes:
        weights: Feature -> weight of its unscaled value.
        intercept: Added to the weighted sum.
        threshold: Lowest probability at which a question counts as answerable.
        embedder: Identity of the embedder that produced the evidence.
        chunks: Size of the index that produced it.
        data: Description of the calibration questions.
        scores: Cross-validated scores on those questions.
        direction: Weights of the question's vector, which carries the topic of the question
            independently of the passages found; empty if they do not fit the embedder.
    """

    weights: Mapping[str, float]
    intercept: float
    threshold: float
    embedder: str
    chunks: int
    data: str
    scores: Mapping[str, float]
    direction: tuple[float, ...] = ()

    def probability(self, evidence: Evidence, vector: Vectors | None = None) -> float:
        """Probability, from 0 to 1, that a question can be answered.

        Args:
            evidence: Evidence for the question.
            vector: Embedding of the question, (dimension,); None: leave it out.
        """
        values = asdict(evidence)
        total = self.intercept + sum(w * values[name] for name, w in self.weights.items())
        if self.direction and vector is not None:
            total += float(np.dot(self.direction, vector))
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))

    def mismatch(self, embedder: str, chunks: int) -> str:
        """Why the calibration no longer fits an index; empty if it does."""
        if self.embedder != embedder:
            return "the answerability threshold was calibrated with another embedder"
        if self.chunks and abs(chunks - self.chunks) > _CORPUS_CHANGE * self.chunks:
            return (
                f"the answerability threshold was calibrated on {self.chunks} chunks, "
                f"and the index now has {chunks}"
            )
        return ""


def read_calibration(content: Mapping[str, Any]) -> Calibration:
    """Read a calibration from the content of a manifest or a file.

    Raises:
        IndexCorruptError: A field is missing, or a feature is unknown.
    """
    try:
        found = Calibration(**{**content, "direction": tuple(content.get("direction", ()))})
        unknown = set(found.weights) - set(FEATURES)
        if unknown:
            raise ValueError(f"unknown evidence {', '.join(sorted(unknown))}")
    except (TypeError, ValueError) as error:
        raise IndexCorruptError(
            f"the calibration cannot be read: {error}",
            expected=f"a calibration written by {as_typed('evaluate')} --calibrate",
            action=f"Run: {as_typed('evaluate')} --calibrate --qa F --unanswerable G",
        ) from error
    return found


def shipped_calibration(embedder: str) -> Calibration:
    """The calibration shipped with the package for this embedder, or for any other."""
    shipped = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    return read_calibration(shipped.get(embedder.partition(":")[0], shipped["other"]))


def calibration_of(manifest: Manifest) -> Calibration:
    """The calibration of an index, or the shipped one if it has none that fits.

    Raises:
        IndexCorruptError: The manifest's calibration cannot be read.
    """
    shipped = shipped_calibration(manifest.embedder)
    if not manifest.calibration:
        return shipped
    own = read_calibration(manifest.calibration)
    if not (why := own.mismatch(manifest.embedder, manifest.chunks)):
        return own
    logger.warning("%s: calibrate again with %s --calibrate", why, as_typed("evaluate"))
    return own if own.embedder == manifest.embedder else shipped


class Calibrations:
    """Caches `calibration_of` for the index in use, and refreshes it after each build."""

    def __init__(self) -> None:
        self._last: tuple[Manifest, Calibration] | None = None

    def __call__(self, manifest: Manifest) -> Calibration:
        """The calibration for a manifest.

        Raises:
            IndexCorruptError: The manifest's calibration cannot be read, and there is no
                earlier calibration to keep.
        """
        last = self._last
        if last is None or last[0] is not manifest:
            self._last = last = (manifest, self._of(manifest))
        return last[1]

    def _of(self, manifest: Manifest) -> Calibration:
        try:
            return calibration_of(manifest)
        except IndexCorruptError as error:
            if self._last is None:
                raise
            logger.warning("keeping the previous calibration: %s", error)
            return self._last[1]
