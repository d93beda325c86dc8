"""Applies the events of an answer to a conversation."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from assistant.answering.chain import AnswerChain
from assistant.answering.stream import events_while_waited_for
from assistant.documents import (
    Answer,
    AnswerEvent,
    Delta,
    Question,
    Retrieved,
    SearchFilters,
    Turn,
)
from assistant.errors import AssistantError, QuestionError
from assistant.ui.conversation import Exchange, Status
from assistant.ui.texts import error_sentence

logger = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
_QUESTION_SHOWN_CHARS = 200  # shown of a rejected question


async def steps(
    chain: AnswerChain, exchange: Exchange, history: Sequence[Turn], filters: SearchFilters
) -> AsyncGenerator[Exchange, None]:
    """Yield the exchange after each event, and at least every tenth of a second.

    Errors become the last step instead of being raised. Closing the generator stops the model.

    Args:
        chain: Answers the question.
        exchange: The question to answer.
        history: Earlier turns, oldest first.
        filters: Limits on the search.
    """
    started = time.monotonic()
    exchange = replace(exchange, status="searching")
    yield exchange
    events = events_while_waited_for(
        lambda config: chain.answer(exchange.question, history, filters=filters, config=config),
        tick_seconds=_TICK_SECONDS,
    )
    try:
        async with aclosing(events):
            async for event in events:
                exchange = _after(exchange, event, time.monotonic() - started)
                yield exchange
    except QuestionError as error:
        question = Question(_clipped(exchange.question.text))
        sentence = error_sentence(error)
        yield replace(exchange, status="returned", question=question, error=sentence)
    except AssistantError as error:
        logger.warning("A question was not answered: %s", error)
        yield replace(exchange, status="failed", error=error_sentence(error))
    except Exception as error:
        logger.exception("A question was not answered")
        yield replace(exchange, status="failed", error=error_sentence(error))


def _after(exchange: Exchange, event: AnswerEvent | None, seconds: float) -> Exchange:
    exchange = replace(exchange, seconds=seconds)
    if isinstance(event, Retrieved):
        reads = event.answerable or exchange.status in ("reading", "writing")
        found: Status = "reading" if reads else "refused"
        passages = (*exchange.passages, *event.citations)
        return replace(exchange, passages=passages, status=found, language=event.language)
    if isinstance(event, Delta):
        going_on: Status = "refused" if exchange.status == "refused" else "writing"
        return replace(exchange, text=exchange.text + event.text, status=going_on)
    if isinstance(event, Answer):
        return replace(
            exchange,
            text=event.text,
            status="refused" if event.refused else "answered",
            cited=tuple(citation.number for citation in event.citations),
            cut=event.cut,
        )
    return exchange


def _clipped(question: str) -> str:
    """The beginning of a question, enough to recognise it."""
    question = question.strip()
    too_long = len(question) > _QUESTION_SHOWN_CHARS
    return question[:_QUESTION_SHOWN_CHARS] + "…" if too_long else question
