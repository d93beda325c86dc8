"""Address, port, tunnel and end of the server."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import httpx
import pytest
from starlette.routing import Route

from assistant.door import Door
from assistant.errors import ServerError
from assistant.ui.gradio_routes import is_needed
from assistant.ui.layout import build_demo
from assistant.ui.serving import announce_tunnel, start, stop
from tests.ui.conftest import free_port
from tests.ui.demo import make_demo_chain, make_model, sample_manifest

ROOT = Path(__file__).parents[2]
DEAD_PROXY = "http://127.0.0.1:9"


def get(address: str) -> tuple[int, str]:
    with build_opener(ProxyHandler({})).open(address, timeout=10) as answer:
        return answer.status, answer.read().decode()


def test_a_port_in_use_is_an_error_that_names_it(index: Path) -> None:
    demo = build_demo(make_demo_chain(index, make_model()), sample_manifest)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port} of 127.0.0.1") as caught:
            start(demo, host="127.0.0.1", port=port)
    assert "ASSISTANT_PORT" in caught.value.action


def test_an_address_of_another_machine_is_an_error(index: Path) -> None:
    demo = build_demo(make_demo_chain(index, make_model()), sample_manifest)
    with pytest.raises(ServerError, match=r"192\.0\.2\.1"):
        start(demo, host="192.0.2.1", port=free_port())


def test_the_page_works_under_a_proxys_path_and_tells_browsers_to_load_nothing_else(
    index: Path,
) -> None:
    demo = build_demo(make_demo_chain(index, make_model()), sample_manifest)
    try:
        address = start(demo, host="127.0.0.1", port=free_port(), root_path="/assistant")
        with build_opener(ProxyHandler({})).open(address, timeout=10) as answer:
            policy = answer.headers["Content-Security-Policy"]
            page = answer.read().decode()
    finally:
        stop(demo)
    assert policy.startswith("default-src 'self'")
    assert "http" not in policy
    assert "/assistant" in page


def served(index: Path, **options: Any) -> Iterator[str]:
    demo = build_demo(make_demo_chain(index, make_model()), sample_manifest)
    try:
        yield start(demo, host="127.0.0.1", port=free_port(), **options)
    finally:
        stop(demo)


@pytest.fixture(scope="module")
def address(index: Path) -> Iterator[str]:
    async def broken(_: object) -> None:
        raise ZeroDivisionError("secret detail")

    door = Door(most_bytes=10_000, routes=[Route("/broken", broken)])
    yield from served(index, root_path="/assistant", door=door)


# Every route of gradio, and whether visitors reach it. One that a new version brings fails
# the test below: look at what it does, then add it here and, if the page needs it, there.
REACHED = {
    "/",
    "/assets/{path}",
    "/config",
    "/config/",
    "/favicon.ico",
    "/gradio_api/app_id",
    "/gradio_api/app_id/",
    "/gradio_api/heartbeat/{session_hash}",
    "/gradio_api/info",
    "/gradio_api/info/",
    "/gradio_api/queue/data",
    "/gradio_api/queue/join",
    "/gradio_api/run/{api_name}",  # only "predict"
    "/gradio_api/run/{api_name}/",
    "/manifest.json",
    "/pwa_icon",
    "/pwa_icon/{size}",
    "/robots.txt",
    "/static/{path}",
    "/svelte/{path}",
    "/theme.css",
}
CLOSED = {
    "/gradio_api/api/{api_name}",
    "/gradio_api/api/{api_name}/",
    "/gradio_api/call/v2/{api_name}",
    "/gradio_api/call/v2/{api_name}/",
    "/gradio_api/call/v2/{api_name}/{event_id}",
    "/gradio_api/call/{api_name}",
    "/gradio_api/call/{api_name}/",
    "/gradio_api/call/{api_name}/{event_id}",
    "/gradio_api/cancel",
    "/gradio_api/component_server",
    "/gradio_api/component_server/",
    "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}",
    "/gradio_api/deep_link",
    "/gradio_api/dev/reload",
    "/gradio_api/file/{path}",
    "/gradio_api/file={path_or_url}",
    "/gradio_api/login_check",
    "/gradio_api/login_check/",
    "/gradio_api/openapi.json",
    "/gradio_api/process_recording",
    "/gradio_api/proxy={url_path}",
    "/gradio_api/queue/status",
    "/gradio_api/reset",
    "/gradio_api/reset/",
    "/gradio_api/run-history/buckets",
    "/gradio_api/run-history/connect",
    "/gradio_api/run-history/records",
    "/gradio_api/run-history/records/{endpoint}/{record_id}/assets/{asset_id}",
    "/gradio_api/runs",
    "/gradio_api/runs/",
    "/gradio_api/startup-events",
    "/gradio_api/stream/{event_id}",
    "/gradio_api/stream/{event_id}/close",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}",
    "/gradio_api/theme.css",
    "/gradio_api/token",
    "/gradio_api/token/",
    "/gradio_api/undo-vibe-edit",
    "/gradio_api/undo-vibe-edit/",
    "/gradio_api/upload",
    "/gradio_api/upload_progress",
    "/gradio_api/user",
    "/gradio_api/user/",
    "/gradio_api/vibe-code",
    "/gradio_api/vibe-code/",
    "/gradio_api/vibe-edit",
    "/gradio_api/vibe-edit/",
    "/gradio_api/vibe-starter-queries",
    "/gradio_api/vibe-starter-queries/",
    "/login",
    "/login/",
    "/logout",
    "/monitoring",
    "/monitoring/summary",
    "/monitoring/{key}",
}


def gradio_routes(index: Path) -> set[str]:
    demo = build_demo(make_demo_chain(index, make_model()), sample_manifest)
    return set(demo.app.openapi()["paths"])


def test_every_route_of_gradio_has_been_looked_at(index: Path) -> None:
    assert gradio_routes(index) == REACHED | CLOSED


EXAMPLES = {
    "api_name": "predict",
    "url_path": "https://example.org",
    "path_or_url": "/etc/passwd",
    "path": "a/b.js",
}


def example_of(route: str) -> str:
    return re.sub(r"{(.*?)}", lambda part: EXAMPLES.get(part[1], "1"), route)


@pytest.mark.parametrize("route", sorted(REACHED | CLOSED))
def test_the_page_answers_what_it_needs_and_nothing_else(route: str) -> None:
    assert is_needed(example_of(route)) is (route in REACHED)


def asked(address: str, path: str, **options: Any) -> httpx.Response:
    method = options.pop("method", "GET")
    return httpx.request(method, address.rstrip("/") + path, trust_env=False, **options)


@pytest.mark.parametrize("under", ["", "/assistant"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/upload/"),
        ("POST", "/gradio_api/run/ask"),
        ("POST", "/gradio_api/call/ask"),
        ("GET", "/gradio_api/deep_link?session_hash=a"),
        ("GET", "/?deep_link=0123456789"),
        ("GET", "/config?deep_link=0123456789"),
        ("GET", "/gradio_api/openapi.json"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "//gradio_api/upload_progress"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
    ],
)
def test_other_routes_are_not_there(address: str, under: str, method: str, path: str) -> None:
    assert asked(address, under + path, method=method).status_code == 404


@pytest.mark.parametrize("under", ["", "/assistant"])
def test_what_the_page_needs_is_there(address: str, under: str) -> None:
    for path in ("/", "/config", "/theme.css", "/favicon.ico", "/static/img/logo.svg"):
        assert asked(address, under + path).status_code == 200, path


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (200, {"path": "/"}),
        (404, {"path": "/gradio_api/upload", "method": "POST"}),
        (413, {"path": "/gradio_api/run/predict", "method": "POST", "content": b"x" * 10_001}),
        (421, {"path": "/", "headers": {"Host": "evil.example"}}),
        (500, {"path": "/broken"}),
    ],
)
def test_every_answer_tells_browsers_what_they_may_do(
    address: str, status: int, options: dict[str, Any]
) -> None:
    answer = asked(address, **options)
    assert answer.status_code == status
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "secret detail" not in answer.text


@pytest.mark.parametrize("header", ["X-Gradio-Server", "X-Forwarded-Host"])
def test_no_header_puts_another_host_into_the_page(address: str, header: str) -> None:
    answer = asked(address, "/config", headers={header: "http://evil.example"})
    assert "evil.example" not in (answer.text if answer.status_code == 200 else "")


def test_a_tunnels_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "assistant")
    assert announce_tunnel(lambda: "https://x.gradio.live", 5) == "https://x.gradio.live"
    assert "https://x.gradio.live" in caplog.text


def test_a_tunnel_that_never_opens_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    over = threading.Event()
    before = time.monotonic()
    assert announce_tunnel(lambda: str(over.wait(30)), 0.3) is None
    over.set()
    assert time.monotonic() - before < 2
    assert "served locally only" in caplog.text


def test_the_address_of_a_tunnel_that_opens_late_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "assistant")
    opened = threading.Event()

    def open_late() -> str:
        opened.wait(10)
        return "https://late.gradio.live"

    assert announce_tunnel(open_late, 0.1) is None
    opened.set()
    deadline = time.monotonic() + 5
    while "https://late.gradio.live" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "https://late.gradio.live" in caplog.text


def test_a_program_without_a_way_out_serves_locally_and_ends_at_ctrl_c() -> None:
    port = free_port()
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), DEAD_PROXY)
    proxies |= {name.upper(): value for name, value in proxies.items()}
    environment = os.environ | proxies
    environment.pop("NO_PROXY", None)
    environment.pop("no_proxy", None)
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.serve_sample", str(port)],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stderr is not None
    try:
        lines = []
        for line in program.stderr:
            lines.append(line)
            if "No public address" in line:
                break
        assert f"The page is served on http://127.0.0.1:{port}/" in "".join(lines)
        assert "served locally only" in lines[-1]
        status, page = get(f"http://127.0.0.1:{port}/")
        assert status == 200
        assert "Knowledge Base Assistant" in page
        before = time.monotonic()
        program.send_signal(signal.SIGINT)
        rest = program.stderr.read()
        assert program.wait(10) == 0
        assert time.monotonic() - before < 5
        assert rest == "interrupted\n"
    finally:
        program.kill()
