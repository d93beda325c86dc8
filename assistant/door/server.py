"""A web server in a thread of its own, on a socket that was opened before."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from assistant.errors import ServerError

_GRACE_SECONDS = 1  # for answers that are being sent when the server ends
_LONGEST_START_SECONDS = 60.0
_LONGEST_END_SECONDS = 5.0


def listen(host: str, port: int) -> socket.socket:
    """Open the port.

    Raises:
        ServerError: The address is not this machine's, or the port is in use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]") or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
        try:
            # A port that was closed a moment ago may be taken again.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
            opened.listen(2048)
        except BaseException:
            opened.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        raise ServerError(
            f"port {port} of {host} cannot be listened on: {error}",
            expected="an address of this machine and a port that no other program uses",
            action="Stop the other program, or choose another port: ASSISTANT_PORT=7861.",
        ) from error
    return opened


class Server(uvicorn.Server):
    """Serves one app in the background.

    Args:
        app: Takes client addresses as they are; proxies are its own affair.
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
        """Serve on a socket from `listen`; returns when requests are answered.

        Raises:
            ServerError: It ended instead, with the reason in the log.
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
                    expected="it answers within a minute",
                    action="The lines above say why.",
                )
            time.sleep(0.005)

    def close(self) -> None:
        """End it, with whatever it still sends."""
        self.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=_LONGEST_END_SECONDS)
