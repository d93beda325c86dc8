"""Answers a request with an error instead of passing it on."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from assistant.errors import AssistantError


async def refuse(
    scope: Scope, receive: Receive, send: Send, *, status: int, error: AssistantError
) -> None:
    """Answer with what was got, what was expected and what to do, as plain text.

    The connection is closed, since a body may still be on its way.
    """
    response = PlainTextResponse(f"{error}\n", status, headers={"Connection": "close"})
    await response(scope, receive, send)
