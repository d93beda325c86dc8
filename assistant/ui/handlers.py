"""What the page's events do; knows the chain, and of components only their order.

A visitor's conversation comes in and goes out with every call; nothing is kept here.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from assistant.answering.chain import AnswerChain
from assistant.documents import Language, Question, SearchFilters
from assistant.ui.conversation import (
    Conversation,
    Exchange,
    Message,
    Status,
    Visit,
    is_running,
    messages,
    turns,
)
from assistant.ui.progress import steps
from assistant.ui.sources_panel import panel
from assistant.ui.texts import UNKNOWN_ERROR, Words

_SHORTEST_SILENCE_SECONDS = 0.08  # words that come faster are sent together
_LONGEST_SILENCE_SECONDS = 1.0  # that a visitor has left is noticed when something is sent


@dataclass(frozen=True, slots=True)
class View:
    """New values for the page's components; None leaves one as it is."""

    conversation: Conversation | None = None
    chat: list[Message] | None = None
    sources: str | None = None
    box: str | None = None
    running: bool | None = None

    def values(self) -> tuple[Any, ...]:
        """In the order of the outputs: conversation, chat, sources, box, send, stop."""
        given = (self.conversation, self.chat, self.sources, self.box)
        updates = [gr.skip() if value is None else value for value in given]
        if self.running is None:
            return (*updates, gr.skip(), gr.skip())
        return (*updates, gr.update(visible=not self.running), gr.update(visible=self.running))


class Handlers:
    """Asking, stopping and clearing, for any number of visitors."""

    def __init__(self, chain: AnswerChain) -> None:
        self._chain = chain

    def ask(self, question: str, conversation: Conversation) -> tuple[Any, ...]:
        """Show the question at once; `answer` follows. Ignored while one is being answered."""
        if is_running(conversation):
            return View().values()
        kept = tuple(exchange for exchange in conversation if exchange.question.text)
        asked = (*kept, Exchange(Question(question)))
        return View(asked, messages(asked), panel(asked), box="", running=True).values()

    def ask_example(self, chosen: gr.SelectData, conversation: Conversation) -> tuple[Any, ...]:
        """As `ask`, with the example that was clicked."""
        return self.ask(chosen.value["text"], conversation)

    async def answer(
        self,
        conversation: Conversation,
        visit: Visit,
        sources: Sequence[str],
        languages: Sequence[Language],
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """Answer the question that was asked last, as it is written.

        What `stop` and `clear` wish meanwhile is done here, so that no part of an answer
        can arrive at the page after its end.
        """
        if not conversation or conversation[-1].status != "asked":
            yield View().values()  # gradio empties all outputs of a generator that yields nothing
            return
        visit.answering, visit.wish = True, ""
        before, exchange = conversation[:-1], conversation[-1]
        shown = messages(before)
        filters = SearchFilters(sources=tuple(sources), languages=tuple(languages))
        sent, chat, sent_at = exchange, shown, 0.0
        try:
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
                    yield View(now, current, _new_panel(now, sent)).values()
                    sent, chat, sent_at = exchange, current, time.monotonic()
        finally:
            visit.answering = False
        yield self._end(visit, (*before, exchange), asked=conversation[-1].question.text).values()

    def failed(self, conversation: Conversation) -> tuple[Any, ...]:
        """End a question that gradio did not bring to `answer`, or not to its end."""
        return _ended(conversation, "failed", UNKNOWN_ERROR).values()

    def stop(self, conversation: Conversation, visit: Visit) -> tuple[Any, ...]:
        """Have the answer broken off; one that has not begun will not begin."""
        if visit.answering:
            visit.wish = "stop"
            return View().values()
        return _ended(conversation, "stopped").values()

    def clear(self, visit: Visit) -> tuple[Any, ...]:
        """Forget the conversation; what stands in the box stays."""
        if visit.answering:
            visit.wish = "clear"
            return View().values()
        return _cleared().values()

    @staticmethod
    def _end(visit: Visit, conversation: Conversation, asked: str) -> View:
        if visit.wish == "clear":
            return _cleared()
        if is_running(conversation):
            return _ended(conversation, "stopped")
        back = asked if conversation[-1].status == "returned" else None
        return View(conversation, messages(conversation), panel(conversation), back, running=False)


def _new_panel(conversation: Conversation, sent: Exchange) -> str | None:
    """The sources, if they were not sent yet."""
    return panel(conversation) if conversation[-1].passages != sent.passages else None


def _ended(conversation: Conversation, status: Status, error: Words | None = None) -> View:
    if not is_running(conversation):
        return View(running=False)
    ended = (*conversation[:-1], replace(conversation[-1], status=status, error=error))
    return View(ended, messages(ended), panel(ended), running=False)


def _cleared() -> View:
    return View((), [], panel(()), running=False)
