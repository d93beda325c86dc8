"""A small reverse proxy that serves another server under a path, as nginx does."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class ReverseProxy(ThreadingHTTPServer):
    """Passes on what is below `path`, without it; everything else is not found.

    Attributes:
        behind: Address of the server that it stands before.
        missing: Paths that were not found.
        found: Paths that were passed on.
    """

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.path = path
        self.behind = ""
        self.missing: list[str] = []
        self.found: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.path}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves is no error."""


@contextmanager
def proxying(path: str) -> Iterator[ReverseProxy]:
    proxy = ReverseProxy(path)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield proxy
    proxy.shutdown()
    thread.join()
    proxy.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ReverseProxy

    def do_GET(self) -> None:
        if not self.path.startswith(f"{self.server.path}/"):
            self.server.missing.append(self.path)
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        behind = http.client.HTTPConnection(urlsplit(self.server.behind).netloc, timeout=30)
        path = self.path.removeprefix(self.server.path)
        self.server.found.append(path)
        behind.request(self.command, path, body, dict(self.headers.items()))
        answer = behind.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.end_headers()
        while piece := answer.read1():
            self.wfile.write(piece)
            self.wfile.flush()
        behind.close()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name)
        """Stay silent."""
