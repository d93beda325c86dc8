"""Closes the connection to a model server when its answer is cancelled.

The HTTP client blocks until the server sends data and cannot be interrupted from another
thread. Shutting down its socket has that effect: the client sees the end of the stream, and the
server sees that the client has disconnected.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from assistant.cancellation import Cancellation, current


def hang_up_when_cancelled(request: Any) -> None:
    """Bind a request to the current cancellation; an event hook for httpx and httpx2.

    The connection is closed after the request: a reused connection could by then serve
    another visitor.

    Args:
        request: The request this thread is about to send.

    Raises:
        Cancelled: The answer has been cancelled, for instance before a retry.
    """
    if (cancellation := current()) is None:
        return
    cancellation.check()
    request.headers["Connection"] = "close"
    request.extensions = {**request.extensions, "trace": _bound_to(cancellation)}


def _bound_to(cancellation: Cancellation) -> Callable[[str, dict[str, Any]], None]:
    """A trace callback that registers each socket of the connection with the cancellation.

    A TLS connection replaces its first socket and reports the new one in a later event.
    """

    def trace(_: str, event: dict[str, Any]) -> None:
        of_stream = getattr(event.get("return_value"), "get_extra_info", None)
        if of_stream is not None and (connection := of_stream("socket")) is not None:
            cancellation.on_cancel(lambda: _shut_down(connection))

    return trace


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # already closed
        connection.shutdown(socket.SHUT_RDWR)
