"""Error responses to rejected requests."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from assistant.errors import AssistantError


async def refuse(
    scope: Scope, receive: Receive, send: Send, *, status: int, error: AssistantError
) -> None:
    """Answer with the error's sentence as plain text.

    The connection is closed, because the client may still be sending a body.
    """
    response = PlainTextResponse(f"{error}\n", status, headers={"Connection": "close"})
    await response(scope, receive, send)
