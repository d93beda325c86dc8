"""What a request has to pass: host, forwarded headers, size of its body."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from assistant.door import Door, guarded
from assistant.door.forwarding import TrustedProxies
from assistant.door.hosts import AllowedHosts
from assistant.settings import Settings


async def echo(request: Request) -> JSONResponse:
    body = await request.body()
    return JSONResponse(
        {
            "address": str(request.base_url),
            "client": request.client.host if request.client else "",
            "forwarded": [name for name in request.headers if name.startswith("x-")],
            "bytes": len(body),
        }
    )


async def ask(
    door: Door,
    *,
    client: str = "127.0.0.1",
    method: str = "GET",
    content: bytes | AsyncIterator[bytes] | None = None,
    **headers: Any,
) -> httpx.Response:
    app = guarded(Starlette(routes=[Route("/", echo, methods=["GET", "POST", "OPTIONS"])]), door)
    transport = httpx.ASGITransport(app, client=(client, 1))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
        return await asking.request(method, "/", headers=named, content=content)


def door_of(**given: Any) -> Door:
    return Door.of(Settings(_env_file=None, **given))


@pytest.mark.parametrize(
    ("given", "host", "answered"),
    [
        ({}, "localhost:7860", True),
        ({}, "127.0.0.1:7860", True),
        ({}, "127.9.9.9", True),
        ({}, "[::1]:7860", True),
        ({}, "LOCALHOST.", True),
        ({}, "evil.example", False),
        ({}, "localhost.evil.example", False),
        ({}, "192.0.2.7", False),
        ({}, "", False),
        ({}, "[::1", False),
        ({}, "x" * 5000, False),
        ({}, "evil.example\\@localhost", False),
        ({}, "[::1].evil.example", False),
        ({}, "localhost/..//evil.example", False),
        ({}, "localhost:evil", False),
        ({"host": "192.0.2.7"}, "192.0.2.7:7860", True),
        ({"host": "kb.example.org"}, "kb.example.org", True),
        ({"host": "0.0.0.0"}, "192.0.2.7:7860", True),
        ({"host": "0.0.0.0"}, "[2001:db8::7]:7860", True),
        ({"host": "0.0.0.0"}, socket.gethostname(), True),
        ({"host": "0.0.0.0"}, "evil.example", False),
        ({"host": "::"}, "192.0.2.7", True),
        ({"host": "0.0.0.0", "allowed_hosts": ("",)}, "", False),
        ({"allowed_hosts": ("kb.example.org",)}, "kb.example.org", True),
        ({"allowed_hosts": ("kb.example.org",)}, "a.kb.example.org", False),
        ({"allowed_hosts": ("*.example.org",)}, "a.b.example.org:80", True),
        ({"allowed_hosts": ("*.example.org",)}, "badexample.org", False),
        ({"allowed_hosts": ("*",)}, "anything.example", True),
        ({"space_id": "me/kb", "space_host": "me-kb.hf.space"}, "me-kb.hf.space", True),
        ({"space_id": "me/kb"}, "me-kb.hf.space", True),
        ({"space_id": "me/kb", "space_host": "kb.example.org"}, "kb.example.org", True),
        ({"space_id": "me/kb"}, "evil.example", False),
        ({"share": True}, "1234abcd.gradio.live", True),
        ({}, "1234abcd.gradio.live", False),
    ],
)
async def test_hosts(given: dict[str, Any], host: str, answered: bool) -> None:
    response = await ask(door_of(**given), host=host)
    assert response.status_code == (200 if answered else 421)
    if not answered:
        assert "ASSISTANT_ALLOWED_HOSTS" in response.text


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
async def test_another_host_is_refused_whatever_is_asked(method: str) -> None:
    response = await ask(Door(), method=method, host="evil.example", origin="http://evil.example")
    assert response.status_code == 421
    assert "access-control-allow-origin" not in response.headers


async def test_the_host_a_trusted_proxy_was_asked_for_has_to_be_allowed_too() -> None:
    assert (await ask(Door(), x_forwarded_host="evil.example")).status_code == 421
    door = door_of(allowed_hosts=("kb.example.org",))
    assert (await ask(door, x_forwarded_host="kb.example.org, proxy")).status_code == 200


def test_a_name_that_becomes_known_later_is_allowed() -> None:
    hosts = AllowedHosts("127.0.0.1")
    assert "tunnel.example.net" not in hosts
    hosts.add("Tunnel.example.net")
    assert "tunnel.example.net:443" in hosts


FORWARDED: dict[str, Any] = {
    "x_forwarded_for": "203.0.113.9",
    "x_forwarded_proto": "https",
    "x_forwarded_host": "localhost",
    "x_gradio_server": "http://evil.example",
}


async def test_a_trusted_proxy_tells_client_and_scheme() -> None:
    told = (await ask(Door(), **FORWARDED)).json()
    assert told["client"] == "203.0.113.9"
    assert told["address"] == "https://localhost/"
    assert sorted(told["forwarded"]) == ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]


async def test_others_tell_nothing(caplog: pytest.LogCaptureFixture) -> None:
    told = (await ask(Door(), client="198.51.100.4", **FORWARDED)).json()
    assert told["client"] == "198.51.100.4"
    assert told["address"] == "http://localhost/"
    assert told["forwarded"] == []
    assert "ASSISTANT_TRUSTED_PROXIES" in caplog.text


async def test_what_a_visitor_puts_before_the_proxys_word_is_not_believed() -> None:
    told = (await ask(Door(), x_forwarded_for="1.2.3.4, 203.0.113.9, 127.0.0.1")).json()
    assert told["client"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("given", "trusted"),
    [({}, False), ({"trusted_proxies": ("10.0.0.0/8",)}, True), ({"space_id": "me/kb"}, True)],
)
async def test_proxies_of_a_network_are_trusted_where_that_is_set(
    given: dict[str, Any], trusted: bool
) -> None:
    told = (await ask(door_of(**given), client="10.20.30.40", x_forwarded_for="203.0.113.9")).json()
    assert told["client"] == ("203.0.113.9" if trusted else "10.20.30.40")


def test_an_address_of_ipv4_on_a_socket_of_ipv6_is_the_same_proxy() -> None:
    assert "::ffff:127.0.0.1" in TrustedProxies(("127.0.0.0/8",))
    assert "not an address" not in TrustedProxies(("0.0.0.0/0",))


async def in_pieces(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_body_is_passed_on_up_to_the_limit() -> None:
    door = Door(most_bytes=1000)
    for content in (b"x" * 1000, in_pieces([b"x" * 400, b"x" * 600])):
        assert (await ask(door, method="POST", content=content)).json()["bytes"] == 1000
    assert (await ask(door)).json()["bytes"] == 0


async def test_a_larger_body_is_refused_with_and_without_its_length() -> None:
    door = Door(most_bytes=1000)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 400
            yield b"x" * 400

    with_a_lie = await ask(door, method="POST", content=b"x", content_length="9" * 5000)
    assert with_a_lie.status_code == 413
    for content in (b"x" * 1001, endless()):
        response = await ask(door, method="POST", content=content)
        assert response.status_code == 413
        assert "larger than 1000 bytes" in response.text
    assert read <= 2000


async def test_a_length_that_is_a_lie_helps_nobody() -> None:
    response = await ask(
        Door(most_bytes=1000), method="POST", content=in_pieces([b"x" * 5000]), content_length="3"
    )
    assert response.status_code == 413
