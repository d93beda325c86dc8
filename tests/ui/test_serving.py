"""Address, port, tunnel and end of the server."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from assistant.errors import ServerError
from assistant.ui import build_demo
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


@pytest.mark.parametrize("path", ["", "/assistant"])
def test_nobody_can_leave_files(index: Path, path: str) -> None:
    demo = build_demo(make_demo_chain(index, make_model()), sample_manifest)
    file = b'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\na'
    try:
        address = start(demo, host="127.0.0.1", port=free_port(), root_path="/assistant")
        upload = Request(
            f"{address.rstrip('/')}{path}/gradio_api/upload",
            data=b"--x\r\n" + file + b"\r\n--x--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        with pytest.raises(HTTPError) as refused:
            build_opener(ProxyHandler({})).open(upload, timeout=10)
    finally:
        stop(demo)
    assert refused.value.code == 404


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
