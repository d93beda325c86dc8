"""Writes the answer to a question from the passages found for it, or a refusal."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from assistant.answering.citations import Attributor, CitationFilter, citations
from assistant.answering.control_tokens import restored
from assistant.answering.prompts import Prompt, build_prompt, refusal
from assistant.documents import Answer, AnswerEvent, Delta, FinishReason, Retrieved, Timings
from assistant.errors import ChatModelError
from assistant.language import has_words

# More than the tokens of any readable text have: only what ignores the limit in tokens gets here.
_CHARS_PER_TOKEN = 16


@dataclass(slots=True)
class _Writing:
    """An answer while the model writes it, and what is left of its limits.

    Attributes:
        chars_left: Characters that may still come.
        deadline: Moment of `time.monotonic` at which it ends.
        prompt_tokens: Read so far.
        completion_tokens: Written so far.
        finish_reason: Why it ended; None while it is written.
        cut: Whether one of these limits ended it.
    """

    chars_left: float
    deadline: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: FinishReason | None = None
    cut: bool = False

    def take(self, chunk: BaseMessage) -> str:
        """Count a piece of the model's stream; returns as much of its text as may come."""
        if counts := getattr(chunk, "usage_metadata", None):
            self.prompt_tokens += counts["input_tokens"]
            self.completion_tokens += counts["output_tokens"]
        reason, text = chunk.response_metadata.get("finish_reason"), str(chunk.text)
        if reason:
            self.finish_reason = "length" if reason == "length" else "stop"
        elif self.finish_reason is None and time.monotonic() > self.deadline:
            self.finish_reason, self.cut = "time", True
        if len(text) > self.chars_left:
            text = text[: int(self.chars_left)]
            self.finish_reason, self.cut = "length", True
        self.chars_left -= len(text)
        return text


class Writer:
    """Writes answers with one chat model."""

    def __init__(
        self,
        chat_model: BaseChatModel,
        *,
        model_name: str = "",
        passages_tokens: int,
        prompt_tokens: int | None = None,
        answer_tokens: int | None = None,
        answer_seconds: float | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            chat_model: Writes the answers.
            model_name: As answers name it; empty: as the model names itself.
            passages_tokens: Most tokens of the chat model that passages take.
            prompt_tokens: Most tokens that the whole prompt may take; None: no limit.
            answer_tokens: Most tokens of an answer. The model keeps to it; what writes
                many times as many characters is stopped. None: no limit.
            answer_seconds: An answer that takes longer ends there; None: no limit.
        """
        self._chat_model = chat_model
        self._model_name = model_name or str(getattr(chat_model, "model_name", ""))
        self._passages_tokens = passages_tokens
        self._prompt_tokens = prompt_tokens
        self._most_chars = math.inf if answer_tokens is None else answer_tokens * _CHARS_PER_TOKEN
        self._most_seconds = math.inf if answer_seconds is None else answer_seconds

    def write(
        self,
        retrieved: Retrieved,
        config: RunnableConfig | None = None,
        *,
        asked: float | None = None,
    ) -> Iterator[AnswerEvent]:
        """Yield `Delta`s as the answer is written, then the `Answer`.

        A question that cannot be answered gets a refusal, for which no model is asked. An
        answer that reaches a limit ends there with what is written.

        Args:
            retrieved: What was found for the question.
            config: For the model; its callbacks may stop it.
            asked: Moment of `time.perf_counter` from which timings count; None: timings
                are those of searching and writing.

        Raises:
            ImagesNotReadError: The question, or one before it, has an image.
            ChatModelError: The model failed, or wrote nothing until it had to end.
        """
        if asked is None:
            asked = time.perf_counter() - retrieved.milliseconds / 1000
        if not retrieved.answerable:
            yield from _refused(retrieved)
            return
        prompt = build_prompt(
            retrieved,
            count_tokens=self._chat_model.get_num_tokens,
            passages_tokens=self._passages_tokens,
            prompt_tokens=self._prompt_tokens,
        )
        writing = _Writing(self._most_chars, time.monotonic() + self._most_seconds)
        written: list[str] = []
        first_token_ms: float | None = None
        for text in self._texts(prompt, writing, config):
            first_token_ms = first_token_ms or _milliseconds_since(asked)
            written.append(text)
            yield Delta(text)
        whole = "".join(written)
        if writing.finish_reason == "time" and not has_words(whole):
            raise self._too_slow()
        yield Answer(
            whole,
            refused=False,
            citations=citations(whole, prompt.passages),
            timings=Timings(retrieved.milliseconds, first_token_ms, _milliseconds_since(asked)),
            prompt_tokens=writing.prompt_tokens,
            completion_tokens=writing.completion_tokens,
            model=self._model_name,
            index_version=retrieved.index_version,
            finish_reason=writing.finish_reason or "stop",
        )

    def _texts(
        self, prompt: Prompt, writing: _Writing, config: RunnableConfig | None
    ) -> Iterator[str]:
        """The answer as it is shown: citations checked, and added where there are none."""
        cited = CitationFilter(passage.number for passage in prompt.passages)
        attributor = Attributor(prompt.passages)
        said_something = False
        # A small model sometimes writes a number and nothing else. Asked again it answers,
        # and soon, because it has just read the passages.
        for messages in (prompt.messages, prompt.without_numbers):
            for piece in self._pieces(messages, writing, config):
                if text := attributor.feed(cited.feed(piece)):
                    said_something = said_something or has_words(text)
                    yield text
            rest = cited.finish()
            if said_something or writing.cut or has_words(rest):
                break
        if ending := attributor.feed(rest) + attributor.finish(cited.leading):
            yield ending

    def _pieces(
        self, messages: Sequence[BaseMessage], writing: _Writing, config: RunnableConfig | None
    ) -> Iterator[str]:
        """What the model writes, until it or a limit ends it."""
        writing.finish_reason = None
        stream = self._chat_model.stream(list(messages), config)
        # A generator, though its type only promises an iterator. Closing it stops the model.
        with closing(cast("Generator[BaseMessage, None, None]", stream)) as chunks:
            before = ""
            for chunk in chunks:
                piece = writing.take(chunk)
                yield restored(piece, before)
                before = piece[-1:] or before
                if writing.cut:
                    return

    def _too_slow(self) -> ChatModelError:
        return ChatModelError(
            f"no word of an answer within {self._most_seconds:g} seconds",
            expected="an answer within ASSISTANT_ANSWER_SECONDS",
            action="Ask again later, or raise that setting.",
        )


def _refused(retrieved: Retrieved) -> Iterator[AnswerEvent]:
    text = refusal(retrieved)
    yield Delta(text)
    yield Answer(
        text,
        refused=True,
        timings=Timings(retrieved.milliseconds, None, retrieved.milliseconds),
        index_version=retrieved.index_version,
        finish_reason="refused",
    )


def _milliseconds_since(moment: float) -> float:
    return (time.perf_counter() - moment) * 1000
