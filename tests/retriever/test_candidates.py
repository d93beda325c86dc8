"""Ways to search that must find the same."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.documents import SearchFilters
from assistant.index import LiveIndex
from assistant.retriever.candidates import SearchableVersion, best
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
    opened = sample.current()
    by_ids = SearchableVersion(opened, exact=False)
    few = by_ids.candidates(QUESTION, vector, filters)
    wide = SearchableVersion(opened, exact=False, most_ids=0)
    many = wide.candidates(QUESTION, vector, filters)
    assert many.dense.tolist() == few.dense.tolist()
    np.testing.assert_array_equal(many.dense_scores, few.dense_scores)
    assert many.similarity == few.similarity


@pytest.mark.parametrize("filters", [None, SearchFilters(sources=("lmdeploy",))])
def test_chroma_finds_what_a_comparison_with_all_vectors_finds(
    sample: LiveIndex, filters: SearchFilters | None
) -> None:
    vector = sample_embedder().encode_queries([QUESTION])[0]
    opened = sample.current()
    assert (opened.folder / "vectors.npy").exists()
    exact = SearchableVersion(opened).candidates(QUESTION, vector, filters)
    asked = SearchableVersion(opened, exact=False).candidates(QUESTION, vector, filters)
    assert len(exact.dense)
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
