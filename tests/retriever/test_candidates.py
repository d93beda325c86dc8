"""Ways to search that must find the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assistant.documents import SearchFilters
from assistant.index import LiveIndex
from assistant.index.exact_vectors import ExactVectors
from assistant.index.nearest import GraphVectors, best
from assistant.retriever.candidates import candidates
from assistant.retriever.passages import Passages
from tests.sample_index import sample_embedder

QUESTION = "how to quantize the kv cache online"


@pytest.mark.parametrize(
    "filters",
    [
        SearchFilters(sources=("lmdeploy",)),
        SearchFilters(languages=("zh",)),
        SearchFilters(paths=("docs/en/**/*.md",)),
    ],
)
@pytest.mark.parametrize("count", [1, 500])
def test_a_filter_that_passes_many_finds_the_same_as_one_that_passes_few(
    sample: LiveIndex, filters: SearchFilters, count: int
) -> None:
    vector = sample_embedder().encode_queries([QUESTION])[0]
    with sample.current() as version:
        allowed = version.keywords.allowed(filters)
        assert allowed is not None
        graph = GraphVectors(version.store, version.keywords)
        few, their_cosines = graph.among(vector, count, allowed)
        many, cosines = graph.passing(vector, count, allowed)
    assert len(few) == min(count, np.count_nonzero(allowed))
    assert many.tolist() == few.tolist()
    np.testing.assert_array_equal(cosines, their_cosines)


@pytest.mark.parametrize(
    "filters", [None, SearchFilters(sources=("lmdeploy",)), SearchFilters(sources=("nowhere",))]
)
def test_chroma_finds_what_a_comparison_with_all_vectors_finds(
    sample: LiveIndex, filters: SearchFilters | None
) -> None:
    vector = sample_embedder().encode_queries([QUESTION])[0]
    with sample.current() as version:
        assert isinstance(version.vectors, ExactVectors)
        graph = replace(version, vectors=GraphVectors(version.store, version.keywords))
        exact, asked = (
            candidates(Passages([each]), QUESTION, vector, filters) for each in (version, graph)
        )
        rows = np.array([3, 0, 5])
        np.testing.assert_array_equal(graph.vectors.of(rows), version.vectors.of(rows))
    assert len(exact.dense) or filters == SearchFilters(sources=("nowhere",))
    assert sorted(exact.dense.tolist()) == sorted(asked.dense.tolist())
    np.testing.assert_allclose(exact.dense_scores, asked.dense_scores, atol=1e-5)
    assert exact.similarity == pytest.approx(asked.similarity, abs=1e-5)


def test_the_best_are_those_of_a_full_sort_equal_ones_in_order_of_rows() -> None:
    chance = np.random.default_rng(1)
    rows = np.sort(chance.choice(10_000, 500, replace=False))
    scores = chance.integers(0, 40, 500).astype(np.float32)  # many are equal
    expected = sorted(zip(-scores, rows, strict=True))[:100]
    found, their_scores = best(rows, scores, 100)
    assert found.tolist() == [row for _, row in expected]
    assert their_scores.tolist() == [-score for score, _ in expected]


@pytest.mark.parametrize("count", [0, 3])
def test_fewer_than_wanted_are_all_given(count: int) -> None:
    found, _ = best(np.arange(count), np.ones(count, dtype=np.float32), 100)
    assert found.tolist() == list(range(count))
