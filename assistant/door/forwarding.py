"""Handles forwarding headers: those of trusted proxies are used, all others are removed."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

logger = logging.getLogger(__name__)

# Sent by Gradio's Node server, which is not used here.
_NEVER = (b"x-gradio-server",)
# Networks of the proxies inside a Space.
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


class TrustedProxies:
    """Set of trusted proxy addresses.

    Args:
        networks: Addresses, or networks such as 10.0.0.0/8.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self.networks = tuple(networks)
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def __contains__(self, address: object) -> bool:
        try:
            parsed = ipaddress.ip_address(str(address))
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)  # an IPv4 client on a dual-stack socket
        return any((mapped or parsed) in network for network in self._networks)


class ForwardedHeaders:
    """ASGI middleware that takes client and scheme from the headers of trusted proxies.

    Forwarding headers from other clients are removed, so apps behind it may trust any
    `X-Forwarded-` headers that remain.
    """

    def __init__(self, app: ASGIApp, trusted: TrustedProxies) -> None:
        self._app = app
        self._trusted = trusted
        self._with_client = ProxyHeadersMiddleware(app, list(trusted.networks))  # type: ignore[arg-type]
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remove the headers, or put the visitor's address into the scope."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        address = (scope.get("client") or ("",))[0]
        trusted = address in self._trusted
        headers = [pair for pair in scope["headers"] if _may_stay(pair[0], trusted)]
        if not trusted and len(headers) < len(scope["headers"]):
            self._tell_once(address)
        app = self._with_client if trusted else self._app
        await app({**scope, "headers": headers}, receive, send)  # type: ignore[arg-type]

    def _tell_once(self, address: str) -> None:
        if not self._told:
            self._told = True
            logger.warning(
                "X-Forwarded headers from %s are ignored: it is not a trusted proxy. "
                "If it is yours, add it to ASSISTANT_TRUSTED_PROXIES.",
                address,
            )


def _may_stay(name: bytes, trusted: bool) -> bool:
    forwarded = name == b"forwarded" or name.startswith(b"x-forwarded-")
    return name not in _NEVER and (trusted or not forwarded)
