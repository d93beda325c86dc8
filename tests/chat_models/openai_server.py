"""A small server on this machine that speaks the protocol of OpenAI, and misbehaves by name."""

from __future__ import annotations

import hashlib
import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "secret-key"
CONTEXT_WORDS = 4096
WORDS = ("alpha", "beta", "gamma", "delta", "omega", "sigma", "书生", "浦语", "kappa", "theta")
# The name of a model -> the status that asking it gives.
FAILING = {"forbidden": 403, "missing": 404, "busy": 429, "broken": 500, "refusing": 400}


class OpenAIServer(ThreadingHTTPServer):
    """Answers with words that follow from the messages alone.

    The models "silent" and "reading" answer nothing, the latter behind the head of an answer;
    "stalling" and "cut" stop in the middle, and hang up in the middle; "half" ends there as if
    it were done, "unreasoned" does not say why it ended; "slow" writes a word in 10 ms for ever;
    "page" is a web page, "null" has no choices and "nulls" streams pieces without.

    Attributes:
        models: What `/v1/models` lists.
        asked: Bodies of the requests.
        written: Words written so far.
        released: Lets those that are silent go on.
        open: Number of requests that are not answered yet, and whose readers have not left.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models = ["tiny"]
        self.asked: list[dict[str, Any]] = []
        self.reply = ""
        self.written = 0
        self.released = threading.Event()
        self.open = 0
        self._counting = threading.Lock()

    def count(self, change: int) -> None:
        with self._counting:
            self.open += change

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader who leaves is no error."""


@contextmanager
def serving() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: OpenAIServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/models":
            self._send("text/html", b"<html>hello</html>")
        elif self._known() and self.path == "/v1/models":
            self._json(200, {"object": "list", "data": [_model(m) for m in self.server.models]})

    def do_POST(self) -> None:
        self.server.count(1)
        try:
            self._answer_post()
        finally:
            self.server.count(-1)

    def _answer_post(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        if not self._known():
            return
        if self.path != "/v1/chat/completions":
            self._error(404, f"no {self.path}")
        elif status := FAILING.get(body["model"]):
            self._error(status, f"the model {body['model']} fails")
        elif body["model"] == "page":
            self._send("text/html", b"<html>hello</html>")
        elif body["model"] == "null":
            self._json(200, _completion(body | {"stream": False}, []) | {"choices": None})
        elif body["model"] == "silent":
            self._wait()
        elif _count(body) > CONTEXT_WORDS:
            self._error(400, f"{_count(body)} tokens do not fit into {CONTEXT_WORDS}")
        elif body.get("stream"):
            self._stream(body)
        else:
            pieces, reason = _answer(body, self.server.reply)
            self.server.written += len(pieces)
            message = {"role": "assistant", "content": "".join(pieces)}
            choice = {"index": 0, "message": message, "finish_reason": reason}
            self._json(200, _completion(body, [choice]) | {"usage": _usage(body, len(pieces))})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name)
        """Stay silent."""

    def _known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {KEY}":
            return True
        self._error(401, "no such key")
        return False

    def _stream(self, body: dict[str, Any]) -> None:
        pieces, reason = _answer(body, self.server.reply)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if body["model"] == "reading":
            self._wait()
        if body["model"] == "slow":
            pieces = pieces * 1000
        self._event(_chunk(body, {"role": "assistant", "content": ""}))
        for number, piece in enumerate(pieces):
            if number == 3 and body["model"] == "stalling":
                self._wait()
            if number == 3 and body["model"] in ("cut", "half"):
                self.close_connection = True
                self.wfile.write(b"0\r\n\r\n" if body["model"] == "half" else b"")
                return
            choices = {"choices": None} if body["model"] == "nulls" else {}
            self._event(_chunk(body, {"content": piece}) | choices)
            self.server.written += 1
            if len(pieces) > 100:
                threading.Event().wait(0.01 if body["model"] == "slow" else 0.001)
        self._event(_chunk(body, {}, None if body["model"] in ("unreasoned", "nulls") else reason))
        if (body.get("stream_options") or {}).get("include_usage"):
            self._event(_completion(body, []) | {"usage": _usage(body, len(pieces))})
        self._line("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _wait(self) -> None:
        """Until the test lets it answer, or the reader leaves."""
        connection: socket.socket = self.connection
        while not self.server.released.wait(0.01):
            readable, _, _ = select.select([connection], [], [], 0)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError("the reader has left")

    def _event(self, content: dict[str, Any]) -> None:
        self._line(f"data: {json.dumps(content)}\n\n")

    def _line(self, text: str) -> None:
        content = text.encode()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def _error(self, status: int, message: str) -> None:
        self._json(status, {"error": {"message": message, "type": "x", "code": str(status)}})

    def _json(self, status: int, content: dict[str, Any]) -> None:
        self._send("application/json", json.dumps(content).encode(), status)

    def _send(self, kind: str, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _answer(body: dict[str, Any], reply: str) -> tuple[list[str], str]:
    """Pieces of the answer, and why it ended; ends before a stop sequence."""
    wanted = body.get("max_tokens") or body.get("max_completion_tokens") or 16
    seed = hashlib.md5(json.dumps(body["messages"]).encode()).digest()
    words = [WORDS[(seed[n % 16] + n // 16) % len(WORDS)] for n in range(wanted)]
    pieces = [words[0], *(f" {word}" for word in words[1:])]
    reason = "length"
    if reply:
        pieces, reason = [reply], "stop"
    text = "".join(pieces)
    stops = body.get("stop") or []
    places = [text.index(stop) for stop in stops if stop and stop in text]
    if places:
        text = text[: min(places)]
        return [f"{text[n : n + 4]}" for n in range(0, len(text), 4)] or [""], "stop"
    return pieces, reason


def _count(body: dict[str, Any]) -> int:
    return sum(len(str(message["content"]).split()) + 4 for message in body["messages"])


def _usage(body: dict[str, Any], written: int) -> dict[str, int]:
    read = _count(body)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def _completion(body: dict[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    kind = "chat.completion.chunk" if body.get("stream") else "chat.completion"
    return {"id": "1", "object": kind, "created": 0, "model": body["model"], "choices": choices}


def _chunk(
    body: dict[str, Any], delta: dict[str, Any], reason: str | None = None
) -> dict[str, Any]:
    return _completion(body, [{"index": 0, "delta": delta, "finish_reason": reason}])


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "tests"}
