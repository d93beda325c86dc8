"""Closes the connection to a model server when nobody waits for its answer any more.

The HTTP client blocks until the server says something, and offers no way to end that from
another thread. Its socket does: once it is shut down, the client reads the end of the connection,
and the server learns that its reader has left.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from assistant.cancellation import Cancellation, current


def hang_up_when_cancelled(request: Any) -> None:
    """Bind a request to the current cancellation; an event hook of httpx and httpx2.

    The request gets a connection of its own, which is closed behind it: a connection that is
    used again belongs to another visitor by then.

    Args:
        request: About to be sent by this thread.

    Raises:
        Cancelled: Nobody waits for the answer any more, as when the client tries again.
    """
    if (cancellation := current()) is None:
        return
    cancellation.check()
    request.headers["Connection"] = "close"
    request.extensions = {**request.extensions, "trace": _bound_to(cancellation)}


def _bound_to(cancellation: Cancellation) -> Callable[[str, dict[str, Any]], None]:
    """A listener to the connection's events, which takes hold of its socket.

    A TLS connection has another socket than the one it began with, and is heard of later.
    """

    def trace(_: str, event: dict[str, Any]) -> None:
        of_stream = getattr(event.get("return_value"), "get_extra_info", None)
        if of_stream is not None and (connection := of_stream("socket")) is not None:
            cancellation.on_cancel(lambda: _shut_down(connection))

    return trace


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # it is closed
        connection.shutdown(socket.SHUT_RDWR)
