"""The bridge from the chain's thread to asyncio.

The chain blocks, and runs in a thread of its own: what a page waits for in one of its requests
must be interruptible at once, as a visitor may stop or leave.
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
    """Ends any LangChain model at its next token, also at the empty ones while it reads."""

    def __init__(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation

    def on_llm_new_token(self, token: object, **_: Any) -> None:  # noqa: ARG002 (LangChain's signature)
        """End the chain from within if nobody waits for the answer any more."""
        self._cancellation.check()


async def events_while_waited_for(
    start: Start, *, tick_seconds: float
) -> AsyncGenerator[AnswerEvent | None, None]:
    """The chain's events as they come, and None after each `tick_seconds` without one.

    Closing the generator cancels the chain, in whose thread the cancellation is the current
    one. It does not wait until the chain has ended.

    Args:
        start: Starts the chain with a config whose callback stops the model at a token.
        tick_seconds: A caller that has left is noticed when something is handed to it.

    Raises:
        Exception: What the chain raises.
        RuntimeError: The chain's thread ended by something else than an `Exception`.
    """
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[AnswerEvent | _End] = asyncio.Queue()
    cancellation = Cancellation()

    def hand_over(event: AnswerEvent | _End) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(events.put_nowait, event)

    def answer() -> None:
        # The chain is a generator, though its type only promises an iterator.
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
