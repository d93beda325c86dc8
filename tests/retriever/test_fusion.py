"""Ranked lists to one, and one list to different things."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.keywords import PagePosition
from assistant.retriever.fusion import fold_translations, limit_per_file, reciprocal_rank_fusion

RANKINGS = st.lists(st.lists(st.integers(0, 30), unique=True), min_size=1, max_size=3)


def test_scores_by_hand() -> None:
    fused = reciprocal_rank_fusion([[7, 3], [3, 9]], [1.0, 0.5], constant=60)
    assert fused == pytest.approx({3: 1 / 62 + 0.5 / 61, 7: 1 / 61, 9: 0.5 / 62})
    assert list(fused) == [3, 7, 9]


def test_ties_stand_in_order_of_the_items() -> None:
    assert list(reciprocal_rank_fusion([[5, 1], [4, 2]], [1.0, 1.0])) == [4, 5, 1, 2]
    assert list(reciprocal_rank_fusion([[4, 2], [5, 1]], [1.0, 1.0])) == [4, 5, 1, 2]


def test_nothing_to_fuse() -> None:
    assert reciprocal_rank_fusion([[], []], [1.0, 1.0]) == {}


@given(RANKINGS)
def test_fusion_keeps_every_item_once_and_sorts_by_score(rankings: list[list[int]]) -> None:
    fused = reciprocal_rank_fusion(rankings, [1.0] * len(rankings))
    assert set(fused) == {item for ranking in rankings for item in ranking}
    assert list(fused.values()) == sorted(fused.values(), reverse=True)
    if len(rankings) == 1:
        assert list(fused) == rankings[0]


# A page in three languages. Files: e (rows 0, 1), c (2, 3) and j (4: the whole page).
PLACES = {
    0: PagePosition(0, 0.0, 0.5),
    1: PagePosition(0, 0.5, 1.0),
    2: PagePosition(0, 0.0, 0.48),
    3: PagePosition(0, 0.48, 1.0),
    4: PagePosition(0, 0.0, 1.0),
    5: PagePosition(1, 0.0, 0.5),
    6: PagePosition(1, 0.4, 0.6),
}
FILES = {0: "e", 1: "e", 2: "c", 3: "c", 4: "j", 5: "other", 6: "other"}


def fold(order: list[int], preferred: str) -> dict[int, float]:
    scores = {item: 1.0 - rank / 10 for rank, item in enumerate(order)}
    return fold_translations(
        scores, PLACES.__getitem__, FILES.__getitem__, FILES.__getitem__, preferred
    )


def test_the_preferred_language_takes_the_place_and_score_of_the_better_one() -> None:
    assert fold([0, 5, 2], "c") == {2: 1.0, 5: 0.9}
    assert list(fold([0, 5, 2], "c")) == [2, 5]
    assert fold([2, 5, 0], "c") == {2: 1.0, 5: 0.9}


def test_without_a_preferred_one_the_better_stays() -> None:
    assert fold([2, 0, 5], "none") == {2: 1.0, 5: pytest.approx(0.8)}


def test_other_parts_of_the_page_and_parts_of_one_file_are_not_folded() -> None:
    assert list(fold([0, 3], "c")) == [0, 3]
    assert list(fold([5, 6], "c")) == [5, 6]


def test_a_preferred_passage_stands_for_all_that_it_covers() -> None:
    assert fold([0, 5, 1, 4], "j") == {4: 1.0, 5: 0.9}
    assert fold([0, 4, 1], "j") == {4: 1.0}
    assert fold([4, 0, 1], "e") == {0: 1.0, 1: pytest.approx(0.8)}


@given(st.permutations(sorted(PLACES)), st.sampled_from(sorted(set(FILES.values()))))
def test_what_is_left_are_different_things_with_falling_scores(
    order: list[int], preferred: str
) -> None:
    folded = fold(order, preferred)
    assert list(folded.values()) == sorted(folded.values(), reverse=True)
    assert max(folded.values()) == 1.0
    left = list(folded)
    for item in left:
        for other in left:
            both_preferred = FILES[item] == FILES[other]
            assert both_preferred or not PLACES[item].overlaps(PLACES[other])
    for item in order:
        assert any(item == kept or PLACES[item].overlaps(PLACES[kept]) for kept in left)


def test_pages_of_one_language_are_no_translations() -> None:
    scores = {0: 1.0, 2: 0.9, 4: 0.8}
    folded = fold_translations(
        scores, PLACES.__getitem__, FILES.__getitem__, lambda item: "en", "en"
    )
    assert folded == scores


def test_what_a_file_gives_too_much_stands_behind_all_else() -> None:
    assert limit_per_file([5, 0, 6, 1, 2, 3], FILES.__getitem__, most=1) == [5, 0, 2, 6, 1, 3]
    assert limit_per_file([0, 1, 2], FILES.__getitem__, most=2) == [0, 1, 2]
    assert limit_per_file([], FILES.__getitem__) == []


@given(st.lists(st.integers(0, 40), unique=True), st.integers(1, 3))
def test_the_limit_keeps_the_order_and_the_first_of_each_file(ranked: list[int], most: int) -> None:
    limited = limit_per_file(ranked, lambda item: item % 5, most)
    first = {item for file in range(5) for item in [i for i in ranked if i % 5 == file][:most]}
    assert limited[: len(first)] == [item for item in ranked if item in first]
    assert limited[len(first) :] == [item for item in ranked if item not in first]
