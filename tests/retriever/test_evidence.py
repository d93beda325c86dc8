"""What the passages found say about whether a question can be answered."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from assistant.documents import Evidence, SearchFilters
from assistant.keywords.concepts import Concept
from assistant.retriever import KnowledgeRetriever
from assistant.retriever.candidates import Candidates
from assistant.retriever.evidence import NONE, weigh


def evidence(finder: KnowledgeRetriever, question: str) -> Evidence:
    return finder.search(question).evidence


def test_a_question_in_the_words_of_a_page_is_covered(finder: KnowledgeRetriever) -> None:
    found = evidence(finder, "quantize the kv cache online to int8")
    assert found.coverage == 1
    assert found.agreement > 0.5
    assert found.similarity > 0.5
    assert (found.unknown_names, found.missing_name) == (0, 0)


def test_names_that_no_passage_has_are_counted(finder: KnowledgeRetriever) -> None:
    known, unknown = (
        evidence(finder, f"quantize the kv cache {x}") for x in ("online", "tensorrt")
    )
    assert known.unknown_names == 0 < unknown.unknown_names
    assert unknown.missing_name > known.missing_name
    assert unknown.coverage < known.coverage
    assert unknown.length == known.length


@pytest.mark.parametrize(("chunks", "counts"), [(3, 0.22), (600, 0.74), (6932, 1), (700_000, 1)])
def test_being_absent_says_less_in_a_small_index(chunks: int, counts: float) -> None:
    rows, scores = np.array([], np.int64), np.array([], np.float32)
    absent = Concept("bake", False, math.log(1 + (chunks + 0.5) / 0.5), rows, scores)
    none = Candidates(rows, scores, rows, scores, (absent,), 0.8)
    found = weigh(none, [0], chunks)
    assert found.unknown_names == pytest.approx(counts, abs=0.01)
    assert found.missing_name == pytest.approx(counts, abs=0.01)


def test_a_question_about_nothing_here(finder: KnowledgeRetriever) -> None:
    found = evidence(finder, "zebras unicorns")
    assert (found.coverage, found.agreement) == (0, 0)
    assert found.unknown_names == pytest.approx(2 * found.missing_name, rel=0.01)
    assert found.similarity < 0.3


@pytest.mark.parametrize("question", ["", "?!", "的", "😀", "a" * 3000, "\ud800"])
def test_odd_questions_have_evidence_too(finder: KnowledgeRetriever, question: str) -> None:
    for value in asdict(evidence(finder, question)).values():
        assert not math.isnan(value)
        assert -1e-6 <= value <= 3000


def test_without_any_passage_there_is_none(finder: KnowledgeRetriever) -> None:
    found = finder.search("kv cache", filters=SearchFilters(paths=("nowhere/**",)))
    assert found.hits == ()
    assert found.evidence == NONE
