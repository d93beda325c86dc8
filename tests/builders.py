"""Makes the vocabulary's objects with few words."""

from __future__ import annotations

from typing import Any

import numpy as np

from assistant.documents import Chunk, Citation, Evidence, Question, Retrieved, SearchHit
from assistant.language import language_of


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


def make_citation(number: int = 1, **fields: Any) -> Citation:
    """A passage under a number; its hit has that rank where no other is given."""
    return Citation(number, make_hit(**({"rank": number} | fields)))


def make_retrieved(question: Question | str = "question?", **fields: Any) -> Retrieved:
    question = Question(question) if isinstance(question, str) else question
    values: dict[str, Any] = {
        "question": question,
        "history": (),
        "language": language_of(question.text),
        "searched_for": question.text,
        "hits": (),
        "answerable": True,
        "confidence": 0.9,
        "evidence": Evidence(0.8, 0.7, 0.6, 0.0, 0.1, 1.5),
        "vector": np.array([1, 0], dtype=np.float32),
        "index_version": "v1",
        "milliseconds": 5.0,
    }
    return Retrieved(**(values | fields))
