"""Bridge from the chain's thread to asyncio.

The chain blocks, so it runs in a separate thread: a request must stop waiting for it at once
when the visitor stops the answer or leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig

from assistant.cancellation import Cancellation, start_thread
from assistant.documents import AnswerEvent

Start = Callable[[RunnableConfig], Iterator[AnswerEvent]]


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


class _StopAtToken(BaseCallbackHandler):
    """Stops any LangChain model at its next token, including empty ones during reading."""

    def __init__(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation

    def on_llm_new_token(self, token: object, **_: Any) -> None:  # noqa: ARG002 (LangChain's signature)
        """Raise from within the chain if the answer was cancelled.

        Raises:
            Cancelled: The answer was cancelled.
        """
        self._cancellation.check()


async def events_while_waited_for(
    start: Start, *, tick_seconds: float
) -> AsyncGenerator[AnswerEvent | None, None]:
    """Yield the chain's events as they come, and None after each `tick_seconds` without one.

    Closing the generator cancels the chain, whose thread has this cancellation as its current
    one. Closing does not wait for the chain to end.

    Args:
        start: Starts the chain with a config whose callback stops the model at a token.
        tick_seconds: Longest time between two items. A caller that has left is noticed only
            when an item is yielded.

    Raises:
        Exception: Whatever the chain raises.
        RuntimeError: The thread ended with a `BaseException` that is not an `Exception`.
    """
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[AnswerEvent | _End] = asyncio.Queue()
    cancellation = Cancellation()

    def hand_over(event: AnswerEvent | _End) -> None:
        with suppress(RuntimeError):  # the loop is closed, so nothing reads the events
            loop.call_soon_threadsafe(events.put_nowait, event)

    def answer() -> None:
        # A generator, although it is typed as an iterator.
        started = start({"callbacks": [_StopAtToken(cancellation)]})
        with closing(cast("Generator[AnswerEvent, None, None]", started)) as chain:
            for event in chain:
                cancellation.check()
                hand_over(event)

    start_thread(
        answer,
        name="answer",
        cancellation=cancellation,
        ended=lambda error: hand_over(_End(error)),
        daemon=True,
    )
    try:
        while True:
            try:
                event = await asyncio.wait_for(events.get(), tick_seconds)
            except asyncio.TimeoutError:
                yield None
                continue
            if not isinstance(event, _End):
                yield event
            elif event.error is not None:
                raise event.error
            else:
                return
    finally:
        cancellation.cancel()
