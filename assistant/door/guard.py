"""Combines the request checks, as configured by the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from assistant.door.body_size import LimitedBodies
from assistant.door.forwarding import PRIVATE_NETWORKS, ForwardedHeaders, TrustedProxies
from assistant.door.hosts import AllowedHosts, OnlyAllowedHosts
from assistant.door.visitors import Visitors
from assistant.settings import Settings

_SPACES = "*.hf.space"
_SHARED = "*.gradio.live"


@dataclass(frozen=True, slots=True)
class Door:
    """Checks on requests, and routes beside the page.

    Attributes:
        hosts: Allowed host names.
        proxies: Proxies whose forwarding headers are trusted.
        visitors: Counts questions and open streams.
        most_bytes: Maximum size of a request body.
        routes: Further routes, which take precedence over those of the page.
    """

    hosts: AllowedHosts = field(default_factory=lambda: AllowedHosts("127.0.0.1"))
    proxies: TrustedProxies = field(default_factory=lambda: TrustedProxies(("127.0.0.0/8", "::1")))
    visitors: Visitors = field(default_factory=lambda: Visitors(20, ("127.0.0.1", "::1")))
    most_bytes: int = 1_000_000
    routes: Sequence[BaseRoute] = ()

    @staticmethod
    def of(settings: Settings, routes: Sequence[BaseRoute] = ()) -> Door:
        """The door described by the settings."""
        hosts = AllowedHosts(settings.host, settings.allowed_hosts)
        trusted = settings.trusted_proxies
        if settings.space_id:
            trusted += PRIVATE_NETWORKS
            for name in (_SPACES, *filter(None, settings.space_host.split(","))):
                hosts.add(name)
        if settings.share:
            hosts.add(_SHARED)
        proxies = TrustedProxies(trusted)
        return Door(
            hosts=hosts,
            proxies=proxies,
            visitors=Visitors(settings.questions_per_minute, proxies),
            most_bytes=int(settings.max_request_mb * 1_000_000),
            routes=routes,
        )


def guarded(app: ASGIApp, door: Door) -> ASGIApp:
    """The app behind the checks, in this order: forwarding headers, host, body size."""
    return ForwardedHeaders(
        OnlyAllowedHosts(LimitedBodies(app, door.most_bytes), door.hosts), door.proxies
    )
