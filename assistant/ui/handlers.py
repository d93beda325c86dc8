"""Event handlers of the page.

They are stateless: every call receives and returns the visitor's conversation.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import gradio as gr

from assistant.answering.chain import AnswerChain
from assistant.answering.citations import citations
from assistant.documents import Citation, Language, Question, SearchFilters
from assistant.door import Visitors
from assistant.errors import (
    BusyError,
    QuestionTooLongError,
    RequestTooLargeError,
    TooManyQuestionsError,
)
from assistant.ui.conversation import (
    Conversation,
    Exchange,
    Status,
    Visit,
    is_running,
    messages,
    trimmed,
    turns,
)
from assistant.ui.progress import steps
from assistant.ui.sources_panel import panel
from assistant.ui.texts import ERRORS, UNKNOWN_ERROR, Words, error_sentence
from assistant.ui.view import Shown, Updates, View

_SHORTEST_SILENCE_SECONDS = 0.08  # words that come faster are sent together
_WHOLE = 10  # latest questions, for which all passages are listed
_LONGEST_SILENCE_SECONDS = 1.0  # a visitor's leaving is noticed only when something is sent


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for each visitor.

    Attributes:
        question_chars: Longer questions are rejected before anything is stored.
        turns: Maximum number of questions in a conversation.
        listener_seconds: How long an answer waits for the browser to open its stream.
    """

    question_chars: int = 2000
    turns: int = 50
    listener_seconds: float = 10.0


class Handlers:
    """Handlers for asking, stopping and clearing, shared by all visitors.

    Args:
        chain: Answers questions.
        shown: The components to update.
        visitors: Counts questions and open streams; None: no counting.
        limits: Limits for each visitor.
        most_answers: Number of answers in progress from which Gradio rejects more.
    """

    def __init__(
        self,
        chain: AnswerChain,
        shown: Shown,
        visitors: Visitors | None = None,
        limits: Limits = Limits(),
        most_answers: int = 40,
    ) -> None:
        self._chain = chain
        self._most_answers = most_answers
        self._answers = 0  # in progress
        self._shown = shown
        self._visitors = visitors
        self._limits = limits

    def ask(self, question: str, conversation: Conversation, request: gr.Request) -> Updates:
        """Show the question at once; `answer` follows. Ignored while an answer is running.

        A rejected question stays in the input box.
        """
        if is_running(conversation):
            return self._updates(View())
        question = (question or "").strip()
        if sentence := self._not_taken(question, request):
            return self._returned(conversation, sentence)
        asked = (*self._kept(conversation), Exchange(Question(question)))
        return self._updates(View(asked, messages(asked), _passages(asked), box="", running=True))

    def ask_example(
        self, chosen: gr.SelectData, conversation: Conversation, request: gr.Request
    ) -> Updates:
        """Ask the example question that was clicked."""
        return self.ask(chosen.value["text"], conversation, request)

    async def answer(
        self,
        conversation: Conversation,
        visit: Visit,
        sources: Sequence[str],
        languages: Sequence[Language],
        request: gr.Request,
    ) -> AsyncGenerator[Updates, None]:
        """Stream the answer to the last question.

        `stop` and `clear` only leave a request that is carried out here, so that no part of an
        answer can reach the page after its end.
        """
        if not conversation or conversation[-1].status != "asked" or visit.answering:
            yield gr.skip()  # Gradio clears all outputs of a generator that yields nothing
            return
        visit.answering, visit.wish = True, ""
        self._answers += 1
        before, exchange = conversation[:-1], conversation[-1]
        shown = messages(before)
        filters = SearchFilters(sources=tuple(sources), languages=tuple(languages))
        sent, chat, sent_at = exchange, shown, 0.0
        try:
            if not await self._is_heard(request):
                visit.wish = "stop"
            async with aclosing(steps(self._chain, exchange, turns(before), filters)) as progress:
                async for exchange in progress:
                    if visit.wish:
                        break
                    silence = time.monotonic() - sent_at
                    if exchange.status == sent.status and silence < _SHORTEST_SILENCE_SECONDS:
                        continue
                    current = [*shown, *messages((exchange,), first=len(before))]
                    if current == chat and silence < _LONGEST_SILENCE_SECONDS:
                        continue
                    now = (*before, exchange)
                    yield self._updates(View(now, current, _new_panel(now, sent)))
                    sent, chat, sent_at = exchange, current, time.monotonic()
        finally:
            visit.answering = False
            self._answers -= 1
        yield self._updates(
            self._end(visit, (*before, exchange), asked=conversation[-1].question.text)
        )

    def failed(self, conversation: Conversation) -> Updates:
        """End a question for which Gradio failed in `answer`, or never called it."""
        begun = bool(conversation) and conversation[-1].status != "asked"
        full = not begun and self._answers >= self._most_answers
        sentence = ERRORS[BusyError.__name__] if full else UNKNOWN_ERROR
        return self._updates(_ended(conversation, "failed", sentence))

    def not_sent(self, conversation: Conversation) -> Updates:
        """Report that a question was too large to be received."""
        if is_running(conversation):
            return self._updates(View())
        return self._returned(conversation, ERRORS[RequestTooLargeError.__name__])

    def stop(self, conversation: Conversation, visit: Visit) -> Updates:
        """Stop the answer, or keep it from starting."""
        if visit.answering:
            visit.wish = "stop"
            return self._updates(View())
        return self._updates(_ended(conversation, "stopped"))

    def clear(self, visit: Visit) -> Updates:
        """Delete the conversation; text in the input box stays."""
        if visit.answering:
            visit.wish = "clear"
            return self._updates(View())
        return self._updates(_cleared())

    def _updates(self, view: View) -> Updates:
        return view.updates(self._shown)

    def _returned(self, conversation: Conversation, sentence: Words) -> Updates:
        """Add a note under the conversation; the question stays in the input box."""
        noted = (*self._kept(conversation), Exchange(Question(""), "returned", error=sentence))
        return self._updates(View(noted, messages(noted), _passages(noted), running=False))

    def _kept(self, conversation: Conversation) -> Conversation:
        """The part of a conversation that is kept when another question is asked."""
        return trimmed(conversation, self._limits.turns - 1)

    def _not_taken(self, question: str, request: gr.Request) -> Words | None:
        """The reason to reject a question, as a sentence; None if it is accepted."""
        length = len(question)
        if length > self._limits.question_chars:
            return error_sentence(QuestionTooLongError(length, self._limits.question_chars))
        if self._visitors is None:
            return None
        address = request.client.host if request.client else ""
        if self._visitors.may_ask(address, request.session_hash or ""):
            return None
        return ERRORS[TooManyQuestionsError.__name__]

    async def _is_heard(self, request: gr.Request) -> bool:
        """Whether the visitor opens the answer's stream; joining the queue is not enough."""
        if self._visitors is None:
            return True
        return await self._visitors.comes_to_listen(
            request.session_hash or "", self._limits.listener_seconds
        )

    @staticmethod
    def _end(visit: Visit, conversation: Conversation, asked: str) -> View:
        if visit.wish == "clear":
            return _cleared()
        if is_running(conversation):
            return _ended(conversation, "stopped")
        back = asked if conversation[-1].status == "returned" else None
        return View(
            conversation, messages(conversation), _passages(conversation), back, running=False
        )


def _passages(conversation: Conversation) -> str:
    """All passages of the latest questions, and the cited passages of earlier ones.

    The whole list is sent with each question, and would otherwise grow too large.
    """
    back = [replace(exchange, passages=_linked(exchange)) for exchange in conversation[:-_WHOLE]]
    return panel((*back, *conversation[-_WHOLE:]))


def _linked(exchange: Exchange) -> tuple[Citation, ...]:
    """The passages that the text links to; a stopped answer names none as cited."""
    numbers = {citation.number for citation in citations(exchange.text, exchange.passages)}
    return tuple(passage for passage in exchange.passages if passage.number in numbers)


def _new_panel(conversation: Conversation, sent: Exchange) -> str | None:
    """The sources panel, if its passages have not been sent yet."""
    return _passages(conversation) if conversation[-1].passages != sent.passages else None


def _ended(conversation: Conversation, status: Status, error: Words | None = None) -> View:
    if not is_running(conversation):
        return View(running=False)
    ended = (*conversation[:-1], replace(conversation[-1], status=status, error=error))
    return View(ended, messages(ended), _passages(ended), running=False)


def _cleared() -> View:
    return View((), [], panel(()), running=False)
