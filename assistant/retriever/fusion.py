"""Merges rankings into one and reduces repetition in the result."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from assistant.keywords import PagePosition

# Cormack, Clarke and Büttcher (SIGIR 2009) use 60. With two lists whose top ranks matter
# most, smaller constants did better here (docs/evaluation.md).
RRF_CONSTANT = 10
_PER_FILE = 2  # hits from one file


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[int]], weights: Sequence[float], constant: int = RRF_CONSTANT
) -> dict[int, float]:
    """Merge rankings by reciprocal rank.

    Each ranking adds weight / (constant + rank) to its items; ranks start at 1.

    Returns:
        Item -> score, best first; ties in ascending order of the items.
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
    """Keep one version of each translated passage, in the preferred language if possible.

    Pages in the same language are not translations of each other, whatever their names:
    `it/guide.md` may belong to the IT department. The version kept gets the rank and score
    of the best one.

    Args:
        scores: Item -> score, best first. Translations missing from it are not searched for.
        place: Item -> its page and range within the page.
        file: Item -> an identifier of its file.
        language: Item -> its language.
        preferred: Language to keep.

    Returns:
        Item -> score, best first.
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
    """Move all but the first `most` items of each file to the end."""
    seen: Counter[object] = Counter()
    kept: list[int] = []
    surplus: list[int] = []
    for item in ranked:
        seen[file(item)] += 1
        (kept if seen[file(item)] <= most else surplus).append(item)
    return kept + surplus
