"""A question is answered behind a proxy under a path, on a Space, and through a tunnel."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from assistant.door import Door
from assistant.settings import Settings
from tests.ui.conftest import OpenPage, ServeDemo, free_port
from tests.ui.demo import make_model
from tests.ui.proxies import asked_over_http, reverse_proxy
from tests.ui.test_page import answered, ask

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("strip", [True, False])
def test_under_a_path_whether_the_proxy_strips_it_or_not(
    serve_demo: ServeDemo, open_page: OpenPage, strip: bool
) -> None:
    target = serve_demo(make_model(), door=Door(), root_path="/assistant")
    headers = {"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"}
    with reverse_proxy(target, "/assistant", strip=strip, headers=headers) as address:
        page = open_page(address)
        ask(page)
        answered(page)
        assert page.locator("li.source").count() == 3


def test_on_a_space(serve_demo: ServeDemo) -> None:
    settings = Settings(_env_file=None, space_id="me/kb", space_host="me-kb.hf.space")
    address = serve_demo(make_model(), door=Door.of(settings), installable=True)
    sent_by_the_platform = {
        "Host": "me-kb.hf.space",
        "X-Forwarded-For": "203.0.113.9, 10.16.0.3",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "me-kb.hf.space",
        "Referer": "https://huggingface.co/",
        "X-Ip-Token": "eyJ0eXAi",
    }
    config, sent = asked_over_http(address, sent_by_the_platform)
    assert config["root"] == "https://me-kb.hf.space"
    assert "quant_policy" in sent


FRPC = """\
#!{python}
import sys, time
host = sys.argv[sys.argv.index("--server_addr") + 1]
assert host == "127.0.0.1:7", sys.argv
print("start proxy success: http://1234abcd.share.example.net", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the tunnel program is named after the system")
def test_through_a_tunnel(tmp_path: Path) -> None:
    from gradio.tunneling import BINARY_FILENAME

    program = tmp_path / "gradio" / "frpc" / BINARY_FILENAME
    program.parent.mkdir(parents=True)
    program.write_text(textwrap.dedent(FRPC.format(python=sys.executable)))
    program.chmod(0o755)
    port = free_port()
    served = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.serve_sample", str(port)],
        cwd=ROOT,
        env=os.environ | {"HF_HOME": str(tmp_path), "GRADIO_SHARE_SERVER_ADDRESS": "127.0.0.1:7"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert served.stderr is not None
    try:
        for line in served.stderr:
            if public := re.search(r"Public address.*https://(\S+)", line):
                break
        else:
            pytest.fail("there is no tunnel")
        assert public[1] == "1234abcd.share.example.net"
        # A tunnel's requests come from this machine, under the public name.
        headers = {"Host": public[1], "X-Forwarded-Proto": "https"}
        config, sent = asked_over_http(f"http://127.0.0.1:{port}/", headers)
        assert config["root"] == f"https://{public[1]}"
        assert "quant_policy" in sent
        served.send_signal(signal.SIGINT)
        assert served.wait(10) == 0
    finally:
        served.kill()
