"""Measures how well the retrieved passages cover a question.

Each number describes one question and can be compared between questions. Scores of fused
rankings cannot: the best of many bad hits scores as high as a good hit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from assistant.documents import Evidence
from assistant.keywords.concepts import Concept
from assistant.retriever.candidates import Candidates

_LATIN = re.compile(r"[a-z]")
_LOOKED_AT = 5  # top hits checked for missing names
_AGREEING = 3  # nearest passages compared with the best by words
_LARGE = 6900  # chunks; smaller indexes also lack some ordinary words


NONE = Evidence(0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def weigh(candidates: Candidates, ranked: Sequence[int], chunks: int) -> Evidence:
    """Evidence from the candidates and the top rows of the fused ranking.

    Args:
        candidates: Both rankings.
        ranked: Rows of the fused ranking, best first; if empty, the result is `NONE`.
        chunks: Number of chunks in the index.
    """
    if not ranked:
        return NONE
    concepts = candidates.concepts
    total = sum(concept.weight for concept in concepts)
    covered = sum(concept.weight for concept in concepts if concept.at(ranked[0]))
    names = [concept for concept in concepts if _LATIN.search(concept.word)]
    greatest = max(_greatest_weight(chunks), _greatest_weight(_LARGE))
    return Evidence(
        similarity=candidates.similarity,
        coverage=covered / total if total else 0.0,
        agreement=_agreement(candidates),
        unknown_names=sum(not name.known for name in names) * _greatest_weight(chunks) / greatest,
        missing_name=min(_rarest_missing(names, row) for row in ranked[:_LOOKED_AT]) / greatest,
        length=math.log1p(len(concepts)),
    )


def _greatest_weight(chunks: int) -> float:
    """Weight of a word that no chunk contains."""
    return math.log(1 + (chunks + 0.5) / 0.5)


def _rarest_missing(names: Sequence[Concept], row: int) -> float:
    return max((name.weight for name in names if not name.at(row)), default=0.0)


def _agreement(candidates: Candidates) -> float:
    if not len(candidates.keyword_scores):
        return 0.0
    nearest = [int(row) for row in candidates.dense[:_AGREEING]]
    best = max(
        (sum(concept.at(row) for concept in candidates.concepts) for row in nearest), default=0.0
    )
    return min(1.0, best / float(candidates.keyword_scores[0]))
