"""Ranked lists to one, and one list to different things; knows nothing of where they come from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from assistant.keywords import PagePosition

# Cormack, Clarke and Büttcher (SIGIR 2009) use 60. With two lists of which the first places
# count, smaller constants did better here (docs/evaluation.md).
RRF_CONSTANT = 10
_PER_FILE = 2  # hits of one file


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[int]], weights: Sequence[float], constant: int = RRF_CONSTANT
) -> dict[int, float]:
    """Item -> score, best first; equal scores in order of the items.

    Each ranking adds weight / (constant + rank), ranks from 1.
    """
    scores: dict[int, float] = defaultdict(float)
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, item in enumerate(ranking, start=1):
            scores[item] += weight / (constant + rank)
    return dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0])))


def fold_translations(
    scores: Mapping[int, float],
    place: Callable[[int], PagePosition],
    file: Callable[[int], object],
    language: Callable[[int], str],
    preferred: str,
) -> dict[int, float]:
    """Keep one of each passage and its translations: the one in the preferred language.

    Pages of one language are none of each other's translations, whatever their names say:
    `it/guide.md` may be of the IT department. What is kept takes the place and the score of
    the best of them. `scores` stand best first and may be cut off: a translation that is not
    among them is not looked for.
    """
    kept: list[tuple[int, float] | None] = []
    by_page: dict[int, dict[int, int]] = defaultdict(dict)  # page -> item -> position in `kept`
    for item, score in scores.items():
        here = place(item)
        page = by_page[here.page]
        twins = [
            other
            for other in page
            if file(other) != file(item)
            and language(other) != language(item)
            and here.overlaps(place(other))
        ]
        if not twins:
            page[item] = len(kept)
            kept.append((item, score))
        elif language(item) == preferred and preferred not in map(language, twins):
            first, *others = (page.pop(other) for other in twins)
            kept[first] = (item, scores[twins[0]])
            page[item] = first
            for position in others:
                kept[position] = None
    return dict(pair for pair in kept if pair is not None)


def limit_per_file(
    ranked: Iterable[int], file: Callable[[int], object], most: int = _PER_FILE
) -> list[int]:
    """Put what comes behind the first `most` of its file behind everything else."""
    seen: Counter[object] = Counter()
    kept: list[int] = []
    surplus: list[int] = []
    for item in ranked:
        seen[file(item)] += 1
        (kept if seen[file(item)] <= most else surplus).append(item)
    return kept + surplus
