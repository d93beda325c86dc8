"""LangChain `Runnable` that answers a question: finds passages, then writes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from assistant.answering.find import Finder
from assistant.answering.slots import WritingSlots
from assistant.answering.write import Writer
from assistant.documents import Answer, AnswerEvent, Question, SearchFilters, Turn

Asked = Question | str | tuple[Question | str, Sequence[Turn]]


class AnswerChain(Runnable[Asked, AnswerEvent]):
    """`stream` yields the events of an answer, `invoke` returns the `Answer`."""

    def __init__(self, finder: Finder, writer: Writer, slots: WritingSlots | None = None) -> None:
        """Combine the parts.

        Args:
            finder: Finds the passages and decides whether there is an answer.
            writer: Writes the answer.
            slots: Limits the answers written at once; None: no limit.
        """
        self._finder = finder
        self._writer = writer
        self._slots = slots

    def invoke(self, input: Asked, config: RunnableConfig | None = None, **_: Any) -> Answer:  # noqa: A002 (LangChain's name)
        """Answer a question, optionally with its earlier turns; see `answer`."""
        return next(e for e in self.stream(input, config) if isinstance(e, Answer))

    def stream(
        self,
        input: Asked,  # noqa: A002 (LangChain's name)
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[AnswerEvent]:
        """Yield one `Retrieved`, then `Delta`s, then one `Answer`; see `answer`."""
        question, history = (input, ()) if isinstance(input, (str, Question)) else input
        yield from self.answer(question, history, config=config)

    def answer(
        self,
        question: Question | str,
        history: Sequence[Turn] = (),
        *,
        filters: SearchFilters | None = None,
        config: RunnableConfig | None = None,
    ) -> Iterator[AnswerEvent]:
        """Yield one `Retrieved`, then `Delta`s, then one `Answer`.

        `Retrieved` comes before the wait for a writing slot.

        Args:
            question: As it was asked; may be a follow-up to `history`.
            history: Earlier turns, oldest first.
            filters: Limits on the search.
            config: LangChain configuration for the model; its callbacks may stop it.

        Raises:
            QuestionError: The question is empty or too long, or has an image.
            FilterError: The index has no source named in `filters`.
            BusyError: Too many questions are already waiting.
            ChatModelError: The model failed.
            Cancelled: The work was cancelled while waiting or writing.
        """
        asked = time.perf_counter()
        question = Question(question) if isinstance(question, str) else question
        retrieved = self._finder.find(question, history, filters)
        yield retrieved
        with self._slots.place() if self._slots and retrieved.answerable else nullcontext():
            yield from self._writer.write(retrieved, config, asked=asked)
