"""Makes the vocabulary's objects with few words."""

from __future__ import annotations

from typing import Any

from assistant.documents import Chunk, SearchHit


def make_chunk(**fields: Any) -> Chunk:
    values: dict[str, Any] = {
        "id": "id",
        "text": "text",
        "source": "lmdeploy",
        "path": "docs/a.md",
        "heading": ("Title",),
        "start_line": 1,
        "end_line": 2,
        "commit": "c0ffee",
        "url": "https://example.org/a#L1-L2",
        "language": "en",
        "token_count": 3,
    }
    return Chunk(**(values | fields))


def make_hit(*, rank: int = 1, score: float = 0.9, **fields: Any) -> SearchHit:
    return SearchHit(make_chunk(**({"id": f"id{rank}"} | fields)), score, rank)
