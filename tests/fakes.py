"""Hand-written stand-ins where a real model would only slow a test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from assistant.answering.chain import AnswerChain
from assistant.documents import Answer, AnswerEvent, Delta, Step
from assistant.embeddings.base import Embedder, Vectors
from tests.builders import make_hit, make_retrieved

_WORD = re.compile(r"[A-Za-z0-9_]+|[\u4e00-\u9fff]")


class HashEmbedder(Embedder):
    """Bags of hashed words: texts that share words have a higher cosine."""

    def __init__(self, name: str = "hash", dimension: int = 64) -> None:
        self.identity = f"{name}:{dimension}"
        self.dimension = dimension
        self.max_tokens = 512
        self.query_prefix = ""
        self.passage_prefix = ""
        self.encoded = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD.findall(text)) for text in texts]

    def _encode_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        for place, text in enumerate(texts):
            vector = np.full(self.dimension, 1e-3, dtype=np.float32)
            for word in _WORD.findall(text.casefold()):
                vector[int(hashlib.md5(word.encode()).hexdigest(), 16) % self.dimension] += 1
            self.encoded += 1
            yield [place], (vector / np.linalg.norm(vector))[None, :]


class ScriptedChatModel(BaseChatModel):
    """Streams what it was given, word by word, and records what it was asked."""

    replies: list[str]
    asked: list[list[BaseMessage]] = []  # noqa: RUF012 (pydantic copies it)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def get_num_tokens(self, text: str) -> int:
        return len(_WORD.findall(text))

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        self.asked.append(messages)
        reply = self.replies[(len(self.asked) - 1) % len(self.replies)]
        for piece in re.findall(r"\S+\s*|\s+", reply):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        text = "".join(str(chunk.text) for chunk in self._stream(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text))])


class Reports(list[tuple[str, int, int | None, str]]):
    """A `Progress` that keeps what it is told."""

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, *, at: str = ""
    ) -> None:
        self.append((stage, done, total, unit))


class ScriptedChain(AnswerChain):
    """Searches twice, with a step between, and cites what the second search has found."""

    def __init__(self) -> None:
        first = make_retrieved(hits=(make_hit(rank=1), make_hit(rank=2)))
        second = make_retrieved(hits=(make_hit(rank=1, text="more"),), first_number=3)
        self.events: tuple[AnswerEvent, ...] = (
            first,
            Delta("Let me look again. "),
            Step("search", "Search again", "kv cache int4"),
            second,
            Delta("It is 4 [3]."),
            Answer("It is 4 [3].", refused=False, citations=second.citations),
        )

    def answer(self, *_: Any, **__: Any) -> Iterator[AnswerEvent]:
        yield from self.events
