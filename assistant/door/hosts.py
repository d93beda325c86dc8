"""Allow-list for the `Host` header, against DNS rebinding.

Another site can make its own host name resolve to this machine and then read the pages served
here. Browsers send that name in `Host`, so unknown names are rejected.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.door.refusing import refuse
from assistant.errors import HostNotAllowedError

logger = logging.getLogger(__name__)

_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 (compared with, not listened on)
# Parsers of addresses differ over anything else: `evil.example\@localhost` has two hosts.
_HOST = re.compile(r"([\w-][\w.-]*|\[[0-9A-Fa-f:.]+\])(:\d*)?", re.ASCII)
_MOST_TOLD = 20  # distinct names that are logged


class AllowedHosts:
    """Set of names and addresses under which the page is reached.

    Args:
        listening_on: The configured host. Loopback names are always allowed. If the page
            listens on all addresses, any IP address is allowed (addresses cannot be
            rebound), and so is the machine's own name.
        names: Additional names; `*.example.org` matches its subdomains, `*` any name.
    """

    def __init__(self, listening_on: str, names: Iterable[str] = ()) -> None:
        self._any_address = listening_on.strip("[]") in _EVERY_ADDRESS
        self._names = {"localhost", listening_on.strip("[]").lower()}
        if self._any_address:
            machine = socket.gethostname().lower()
            self._names |= {machine, f"{machine}.local"}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Allow one more name, such as that of a tunnel just opened."""
        self._names.add(name.lower())

    def __contains__(self, host: str) -> bool:
        """Whether a `Host` header, with or without a port, is allowed."""
        parts = _HOST.fullmatch(host)
        if parts is None:
            return False
        name = parts[1].strip("[]").rstrip(".").lower()
        if name in self._names or "*" in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
            return self._any_address or address.is_loopback
        except ValueError:
            below = (known[1:] for known in self._names if known.startswith("*."))
            return name.endswith(tuple(below))


class OnlyAllowedHosts:
    """ASGI middleware that answers 421 to requests for other hosts."""

    def __init__(self, app: ASGIApp, allowed: AllowedHosts) -> None:
        self._app = app
        self._allowed = allowed
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check `Host`, and the original host if a trusted proxy forwards it."""
        if scope["type"] != "lifespan":
            headers = Headers(scope=scope)
            asked = [headers.get("host", "")]
            if forwarded := headers.get("x-forwarded-host"):
                asked.append(forwarded.split(",")[0].strip())
            for host in asked:
                if host not in self._allowed:
                    error = _not_allowed(host)
                    self._tell(error)
                    await refuse(scope, receive, send, status=421, error=error)
                    return
        await self._app(scope, receive, send)

    def _tell(self, error: HostNotAllowedError) -> None:
        """Log each rejected name once, up to a limit: a client can send any number of names."""
        if error.got not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(error.got)
            logger.warning("%s", error)


def _not_allowed(host: str) -> HostNotAllowedError:
    shown = host.encode("ascii", "replace").decode()[:100]
    return HostNotAllowedError(
        f"this page was requested under the host name {shown!r}",
        expected="localhost, an address it listens on, or a name in ASSISTANT_ALLOWED_HOSTS",
        action="If the name is yours or your proxy's, start the page with "
        "ASSISTANT_ALLOWED_HOSTS set to it.",
    )
