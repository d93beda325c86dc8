"""Web server in a background thread, on a socket opened beforehand."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from assistant.errors import ServerError

_GRACE_SECONDS = 1  # for responses still being sent at shutdown
_LONGEST_START_SECONDS = 60.0
_LONGEST_END_SECONDS = 5.0


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        ServerError: The address does not belong to this machine, or the port is in use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]") or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
        try:
            # Allow reuse of a port that was closed a moment ago.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
            opened.listen(2048)
        except BaseException:
            opened.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        raise ServerError(
            f"cannot listen on port {port} of {host}: {error}",
            expected="an address of this machine and a free port",
            action="Stop the other program, or choose another port: ASSISTANT_PORT=7861.",
        ) from error
    return opened


class Server(uvicorn.Server):
    """Serves one app in the background.

    Args:
        app: The app; it has to handle forwarding headers itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                proxy_headers=False,
                server_header=False,
                ws="none",
                lifespan="on",
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._thread: threading.Thread | None = None

    def start(self, opened: socket.socket) -> None:
        """Serve on a socket from `listen`; returns once the server accepts requests.

        Raises:
            ServerError: The server did not start; the log has the reason.
        """
        self._thread = threading.Thread(
            target=self.run, kwargs={"sockets": [opened]}, name="web server", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _LONGEST_START_SECONDS
        while not self.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise ServerError(
                    "the web server did not start",
                    expected="a running server within a minute",
                    action="See the log lines above for the reason.",
                )
            time.sleep(0.005)

    def close(self) -> None:
        """Stop the server, cutting off responses that take longer than a second."""
        self.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=_LONGEST_END_SECONDS)
