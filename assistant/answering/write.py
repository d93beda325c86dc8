"""Writes an answer from the retrieved passages, or a refusal."""

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

# More than the tokens of any readable text have, so only a model that ignores its token limit
# reaches the limit in characters.
_CHARS_PER_TOKEN = 16


@dataclass(slots=True)
class _Writing:
    """State of an answer while the model writes it.

    Attributes:
        chars_left: Characters that may still be written.
        deadline: Value of `time.monotonic` at which the answer ends.
        prompt_tokens: Tokens read so far.
        completion_tokens: Tokens written so far.
        finish_reason: Why the answer ended; None while it is being written.
        cut: Whether the character limit or the deadline ended it.
    """

    chars_left: float
    deadline: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: FinishReason | None = None
    cut: bool = False

    def take(self, chunk: BaseMessage) -> str:
        """Count one chunk of the model's stream; returns its text, cut at the limit."""
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
        """Store the model and the limits.

        Args:
            chat_model: Writes the answers.
            model_name: Name given in answers; empty: the model's own name.
            passages_tokens: Maximum tokens for passages, counted by the chat model.
            prompt_tokens: Maximum tokens for the whole prompt; None: no limit.
            answer_tokens: Maximum tokens of an answer. The model enforces it; as a safeguard,
                an answer of 16 times as many characters is stopped. None: no limit.
            answer_seconds: Time limit for an answer, which then ends; None: no limit.
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

        An unanswerable question gets a refusal without asking the model. An answer that
        reaches a limit ends with the text written so far.

        Args:
            retrieved: Results of the search for the question.
            config: LangChain configuration for the model; its callbacks may stop it.
            asked: Value of `time.perf_counter` at which timings start; None: timings cover
                only searching and writing.

        Raises:
            ImagesNotReadError: The question, or one before it, has an image.
            ChatModelError: The model failed, or wrote nothing within the time limit.
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
        """The answer as shown: citations checked, and added where they are missing."""
        cited = CitationFilter(passage.number for passage in prompt.passages)
        attributor = Attributor(prompt.passages)
        said_something = False
        # A small model sometimes writes a number and nothing else. A second request gets an
        # answer, quickly, because the model has just read the passages.
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
        """The model's text, until the model or a limit ends it."""
        writing.finish_reason = None
        stream = self._chat_model.stream(list(messages), config)
        # A generator, although it is typed as an iterator. Closing it stops the model.
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
            f"the model wrote nothing within {self._most_seconds:g} seconds",
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
