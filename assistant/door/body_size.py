"""Limits the size of request bodies."""

from __future__ import annotations

from collections import deque

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.door.refusing import refuse
from assistant.errors import RequestTooLargeError


class LimitedBodies:
    """ASGI middleware that answers 413 to large bodies, even without a declared length.

    The whole body is read before the request is passed on, so a rejected request has had no
    effect.

    Args:
        app: App for requests within the limit.
        most: Maximum body size in bytes.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its body is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        too_large = declared.isdecimal() and int(declared[:18]) > self._most
        read: deque[Message] = deque()
        size, more = 0, True
        while more and not too_large:
            read.append(message := await receive())
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
            too_large = size > self._most
        if too_large:
            await refuse(scope, receive, send, status=413, error=self._too_large())
            return

        async def from_the_start() -> Message:
            return read.popleft() if read else await receive()

        await self._app(scope, from_the_start, send)

    def _too_large(self) -> RequestTooLargeError:
        return RequestTooLargeError(
            f"the request body is larger than {self._most} bytes",
            expected="a question of a few thousand characters",
            action="Shorten it; the owner of this page can raise ASSISTANT_MAX_REQUEST_MB.",
        )
