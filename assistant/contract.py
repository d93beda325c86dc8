"""JSON fields of hits, search results, answers and errors, shared by all scripts and APIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from assistant.documents import Answer, Retrieved, SearchHit
from assistant.errors import AssistantError

Fields = Mapping[str, Any]


def hit_fields(hit: SearchHit) -> Fields:
    """A passage with its rank and score."""
    chunk = hit.chunk
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "source": chunk.address,
        "heading": " > ".join(chunk.heading),
        "start_line": chunk.start_line,
        "end_line": chunk.end_line,
        "url": chunk.url,
        "text": chunk.text,
    }


def retrieved_fields(retrieved: Retrieved) -> Fields:
    """Results of a search, and whether they answer the question."""
    return {
        "question": retrieved.question.text,
        "hits": [hit_fields(hit) for hit in retrieved.hits],
        "answerable": retrieved.answerable,
        "confidence": round(retrieved.confidence, 6),
        "evidence": asdict(retrieved.evidence),
        "milliseconds": round(retrieved.milliseconds, 3),
        "language": retrieved.language,
        "searched_for": retrieved.searched_for,
        "index_version": retrieved.index_version,
    }


def answer_fields(answer: Answer) -> Fields:
    """An answer. Its ID is `answer_id`; `id` is used for questions in a questions file."""
    timings = answer.timings
    return {
        "answer": answer.text,
        "refused": answer.refused,
        "citations": [{"number": c.number, **hit_fields(c.hit)} for c in answer.citations],
        "timings": {
            "retrieve": round(timings.retrieve, 1),
            "first_token": timings.first_token and round(timings.first_token, 1),
            "total": round(timings.total, 1),
        },
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "answer_id": answer.id,
        "model": answer.model,
        "index_version": answer.index_version,
        "finish_reason": answer.finish_reason,
    }


def error_fields(error: AssistantError) -> Fields:
    """An error as one sentence and as separate fields."""
    return {
        "error": str(error),
        "kind": type(error).__name__,
        "got": error.got,
        "expected": error.expected,
        "action": error.action,
        "facts": error.facts,
    }
