"""Question and history to hits, then a stream of text, then an Answer.

Knows nothing of pages, and of models only LangChain's interfaces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

from assistant.answering.citations import Attributor, CitationFilter, citations, has_words
from assistant.answering.control_tokens import restored
from assistant.answering.follow_up import standalone_by_model, standalone_by_rules
from assistant.answering.grounding import Calibration, judge
from assistant.answering.prompts import Prompt, build_prompt, refusal
from assistant.answering.slots import WritingSlots
from assistant.documents import (
    Answer,
    AnswerEvent,
    Delta,
    Retrieved,
    SearchFilters,
    Timings,
    Turn,
)
from assistant.errors import QuestionError
from assistant.index import Manifest
from assistant.language import readable
from assistant.retriever import KnowledgeRetriever

Question = str | tuple[str, Sequence[Turn]]


@dataclass(slots=True)
class _Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, chunk: BaseMessage) -> None:
        """Count what a piece of a stream says about tokens."""
        if counts := getattr(chunk, "usage_metadata", None):
            self.prompt_tokens += counts["input_tokens"]
            self.completion_tokens += counts["output_tokens"]


class AnswerChain(Runnable[Question, AnswerEvent]):
    """A LangChain `Runnable`: `stream` yields the events, `invoke` returns the Answer."""

    def __init__(
        self,
        retriever: KnowledgeRetriever,
        chat_model: BaseChatModel,
        *,
        calibration: Callable[[Manifest], Calibration],
        threshold: float | None = None,
        passages_tokens: int,
        prompt_tokens: int | None = None,
        max_question_chars: int,
        rewrite_follow_ups: bool = False,
        slots: WritingSlots | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            retriever: Finds the passages.
            chat_model: Writes the answer.
            calibration: That of an index; says from the evidence whether the knowledge base
                has an answer.
            threshold: Used instead of the calibrated one.
            passages_tokens: Most tokens of the chat model that passages take.
            prompt_tokens: Most tokens that the whole prompt may take; None: no limit.
            max_question_chars: Longer questions are refused.
            rewrite_follow_ups: Let the chat model make questions stand alone that lean on
                the turn before; for models that answer within a second or two.
            slots: Where an answer waits until it may be written; None: it need not.
        """
        self._retriever = retriever
        self._chat_model = chat_model
        self._calibration = calibration
        self._threshold = threshold
        self._rewrite_follow_ups = rewrite_follow_ups
        self._passages_tokens = passages_tokens
        self._prompt_tokens = prompt_tokens
        self._max_question_chars = max_question_chars
        self._slots = slots

    @property
    def manifest(self) -> Manifest:
        """Of the index in use."""
        return self._retriever.manifest

    def invoke(self, input: Question, config: RunnableConfig | None = None, **_: Any) -> Answer:  # noqa: A002 (LangChain's name)
        """Answer a question, or a question with the turns before it."""
        return next(e for e in self.stream(input, config) if isinstance(e, Answer))

    def stream(
        self,
        input: Question,  # noqa: A002 (LangChain's name)
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[AnswerEvent]:
        """One `Retrieved`, then `Delta`s, then one `Answer`."""
        question, history = (input, ()) if isinstance(input, str) else input
        yield from self.answer(question, history, config=config)

    def answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        filters: SearchFilters | None = None,
        config: RunnableConfig | None = None,
    ) -> Iterator[AnswerEvent]:
        """As `stream`, with a search that may be limited.

        Raises:
            QuestionError: The question is empty or too long.
            FilterError: The index has no source of a name in `filters`.
            BusyError: Too many questions wait for their answers.
            ChatModelError: The model failed.
        """
        question = self._checked(question)
        started = time.perf_counter()
        searched = self._standalone(question, history)
        found = self._retriever.search(searched, filters=filters)
        hits = found.hits
        grounding = judge(
            found.evidence, self._calibration(found.manifest), self._threshold, found.vector
        )
        answerable = grounding.answerable and bool(hits)
        retrieve_ms = _milliseconds_since(started)
        yield Retrieved(hits, answerable, grounding.confidence, searched)
        if not answerable:
            text = refusal(question, hits)
            yield Delta(text)
            yield Answer(text, refused=True, timings=Timings(retrieve_ms, None, retrieve_ms))
            return
        prompt = build_prompt(
            question,
            history,
            hits,
            count_tokens=self._chat_model.get_num_tokens,
            passages_tokens=self._passages_tokens,
            prompt_tokens=self._prompt_tokens,
        )
        with self._slots.place() if self._slots else nullcontext():
            yield from self._write(prompt, started, retrieve_ms, config)

    def _write(
        self, prompt: Prompt, started: float, retrieve_ms: float, config: RunnableConfig | None
    ) -> Iterator[AnswerEvent]:
        usage = _Usage()
        written: list[str] = []
        first_token_ms: float | None = None
        for text in self._texts(prompt, usage, config):
            first_token_ms = first_token_ms or _milliseconds_since(started)
            written.append(text)
            yield Delta(text)
        whole = "".join(written)
        yield Answer(
            whole,
            refused=False,
            citations=citations(whole, prompt.hits),
            timings=Timings(retrieve_ms, first_token_ms, _milliseconds_since(started)),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
        )

    def _texts(self, prompt: Prompt, usage: _Usage, config: RunnableConfig | None) -> Iterator[str]:
        """The answer as it is shown: citations checked, and added where there are none."""
        cited = CitationFilter(hit.rank for hit in prompt.hits)
        attributor = Attributor(prompt.hits)
        said_something = False
        # A small model sometimes writes a number and nothing else. Asked again it answers,
        # and soon, because it has just read the passages.
        for messages in (prompt.messages, prompt.without_numbers):
            for chunk in self._chat_model.stream(list(messages), config):
                usage.add(chunk)
                if text := attributor.feed(cited.feed(restored(str(chunk.text)))):
                    said_something = said_something or has_words(text)
                    yield text
            rest = cited.finish()
            if said_something or has_words(rest):
                break
        if ending := attributor.feed(rest) + attributor.finish(cited.leading):
            yield ending

    def _standalone(self, question: str, history: Sequence[Turn]) -> str:
        if self._rewrite_follow_ups:
            return standalone_by_model(question, history, self._chat_model)
        return standalone_by_rules(question, history)

    def _checked(self, question: str) -> str:
        question = readable(question).strip()
        if not question:
            raise QuestionError(
                "the question is empty", expected="a question", action="Type one and send it again."
            )
        if len(question) > self._max_question_chars:
            raise QuestionError(
                f"the question has {len(question)} characters",
                expected=f"at most {self._max_question_chars}",
                action="Shorten it and send it again.",
            )
        return question


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
