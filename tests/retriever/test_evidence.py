"""What the passages found say about whether a question can be answered."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from assistant.documents import SearchFilters
from assistant.retriever import Evidence, KnowledgeRetriever
from assistant.retriever.evidence import NONE


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
    assert (known.unknown_names, unknown.unknown_names) == (0, 1)
    assert unknown.missing_name > known.missing_name
    assert unknown.coverage < known.coverage
    assert unknown.length == known.length


def test_a_question_about_nothing_here(finder: KnowledgeRetriever) -> None:
    found = evidence(finder, "zebras unicorns")
    assert (found.coverage, found.agreement, found.unknown_names) == (0, 0, 2)
    assert found.missing_name == pytest.approx(1, abs=0.01)
    assert found.similarity < 0.3


@pytest.mark.parametrize("question", ["", "?!", "的", "😀", "a" * 3000, "\ud800"])
def test_odd_questions_have_evidence_too(finder: KnowledgeRetriever, question: str) -> None:
    for value in asdict(evidence(finder, question)).values():
        assert value == value
        assert -1e-6 <= value <= 3000


def test_without_any_passage_there_is_none(finder: KnowledgeRetriever) -> None:
    found = finder.search("kv cache", filters=SearchFilters(paths=("nowhere/**",)))
    assert found.hits == ()
    assert found.evidence == NONE
