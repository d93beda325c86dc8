"""Lets the page wait for the chain without standing still; knows nothing of components.

The chain runs in a thread of its own, because what the page waits for in one of its
requests must be interruptible at once: a visitor may stop, or leave.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import closing
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig

from assistant.documents import AnswerEvent

Start = Callable[[RunnableConfig], Iterator[AnswerEvent]]


class _Stopped(BaseException):
    """Ends the chain from within, also where it handles every `Exception`."""


class _StopWriting(BaseCallbackHandler):
    """Asks at every token, also at the empty ones of a model that still reads."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def on_llm_new_token(self, token: object, **_: Any) -> None:
        """Break off if nobody waits for the answer any more."""
        if self.asked.is_set():
            raise _Stopped


async def events_while_waited_for(
    start: Start, *, tick_seconds: float
) -> AsyncGenerator[AnswerEvent | None, None]:
    """The chain's events as they come, and None after each `tick_seconds` without one.

    Closing the generator closes the chain's, and with it the model's, at the next token.

    Args:
        start: Given a config with the callback that stops the model, starts the chain.
        tick_seconds: A caller that has left is noticed when something is handed to it.

    Raises:
        Exception: What the chain raises.
    """
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[AnswerEvent | Exception | None] = asyncio.Queue()
    stop = _StopWriting()

    def hand_over(event: AnswerEvent | Exception | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(events.put_nowait, event)

    def run() -> None:
        try:
            # The chain is a generator, though its type only promises an iterator.
            started = cast("Generator[AnswerEvent, None, None]", start({"callbacks": [stop]}))
            with closing(started) as chain:
                for event in chain:
                    if stop.asked.is_set():
                        return
                    hand_over(event)
        except _Stopped:
            return
        except Exception as error:  # noqa: BLE001 - raised again in the page's task
            hand_over(error)
        else:
            hand_over(None)

    threading.Thread(target=run, name="answer", daemon=True).start()
    try:
        while True:
            try:
                event = await asyncio.wait_for(events.get(), tick_seconds)
            except asyncio.TimeoutError:
                yield None
                continue
            if event is None:
                return
            if isinstance(event, Exception):
                raise event
            yield event
    finally:
        stop.asked.set()
