"""Ways to search that must find the same."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.documents import SearchFilters
from assistant.retriever.candidates import SearchableVersion, best
from assistant.vector_index import LiveIndex
from tests.sample_index import sample_embedder

QUESTION = "how to quantize the kv cache online"


@pytest.mark.parametrize(
    "filters",
    [
        SearchFilters(sources=("lmdeploy",)),
        SearchFilters(languages=("zh",)),
        SearchFilters(paths=("docs/en/**/*.md",)),
        SearchFilters(sources=("nowhere",)),
    ],
)
def test_a_filter_that_passes_many_finds_the_same_as_one_that_passes_few(
    sample: LiveIndex, filters: SearchFilters
) -> None:
    vector = sample_embedder().encode_queries([QUESTION])[0]
    few = SearchableVersion(sample.current()).candidates(QUESTION, vector, filters)
    many = SearchableVersion(sample.current(), most_ids=0).candidates(QUESTION, vector, filters)
    assert many.dense.tolist() == few.dense.tolist()
    np.testing.assert_array_equal(many.dense_scores, few.dense_scores)
    assert many.similarity == few.similarity


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
