"""What stands between a visitor and the page: a reverse proxy, and a client without a browser."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from assistant.door import Server, listen
from tests.ui.demo import QUESTION

_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}


@contextmanager
def reverse_proxy(
    target: str, path: str, *, strip: bool, headers: Mapping[str, str]
) -> Iterator[str]:
    """Serves `target` under a path, as nginx does; gives the address of the page there."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=target, timeout=60, trust_env=False) as client:
            app.state.client = client
            yield

    async def forward(request: Request) -> Response:
        below = request.url.path.removeprefix(path) if strip else request.url.path
        url = httpx.URL(below or "/", query=request.url.query.encode())
        client: httpx.AsyncClient = request.app.state.client
        asked = client.build_request(
            request.method,
            client.base_url.join(url),
            headers={**request.headers, **headers},
            content=await request.body(),
        )
        answer = await client.send(asked, stream=True)
        kept = [(k, v) for k, v in answer.headers.items() if k not in _OF_ONE_CONNECTION]
        response = StreamingResponse(
            answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        response.raw_headers = [(k.encode(), v.encode()) for k, v in kept]
        return response

    route = Route(f"{path}/{{rest:path}}", forward, methods=["GET", "HEAD", "POST"])
    server, opened = Server(Starlette(routes=[route], lifespan=lifespan)), listen("127.0.0.1", 0)
    port = opened.getsockname()[1]
    server.start(opened)
    try:
        yield f"http://localhost:{port}{path}/"
    finally:
        server.close()


def asked_over_http(
    address: str,
    headers: Mapping[str, str],
    *,
    session: str = "",
    listen_to_it: bool = True,
) -> tuple[dict[str, Any], str]:
    """Ask as the page's script does; gives the page's configuration and what it was sent."""
    session = session or secrets.token_hex(5)
    with httpx.Client(base_url=address, headers=dict(headers), trust_env=False, timeout=30) as http:
        config: dict[str, Any] = http.get("config").raise_for_status().json()
        number = {d["api_name"]: d["id"] for d in config["dependencies"]}
        event = {"session_hash": session, "event_data": None, "trigger_id": None}
        asking = {"data": [QUESTION, None], "fn_index": number["ask"], **event}
        http.post("gradio_api/run/predict", json=asking).raise_for_status()
        joining = {"data": [None, None, [], []], "fn_index": number["answer"], **event}
        http.post("gradio_api/queue/join", json=joining).raise_for_status()
        if not listen_to_it:
            return config, ""
        sent = ""
        with http.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as got:
            for line in got.raise_for_status().iter_lines():
                sent += line.removeprefix("data: ")
                if "process_completed" in line:
                    assert json.loads(line.removeprefix("data: "))["success"], line
                    break
    return config, sent
