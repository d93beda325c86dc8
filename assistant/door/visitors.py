"""Tracks current visitors: how often they ask, and which answer streams are open."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager

_MINUTE = 60.0
_LOOK_SECONDS = 0.01
_MOST_REMEMBERED = 10_000  # addresses and sessions kept before old ones are dropped
_NAME_CHARS = 100  # kept of a session's name, which a client can make very long


class Visitors:
    """Counts questions by address and by session, and the open streams.

    The browser chooses the name of a session, so only the address limits automated clients.
    The session limits visitors behind a proxy that does not forward addresses.

    Args:
        questions_per_minute: Limit for each address and for each session.
        proxies: Proxy addresses, which are not counted.
        clock: Monotonic clock, in seconds.
    """

    def __init__(
        self,
        questions_per_minute: int,
        proxies: Container[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = questions_per_minute
        self._proxies = proxies
        self._clock = clock
        self._asked: dict[str, deque[float]] = {}
        self._listening: Counter[str] = Counter()
        self._lock = threading.Lock()

    def may_ask(self, address: str, session: str) -> bool:
        """Count a question. Returns False, without counting it, if the limit is reached."""
        names = [f"session {session[:_NAME_CHARS]}"]
        if address and address not in self._proxies:
            names.append(f"address {_of_one_visitor(address)}")
        with self._lock:
            now = self._clock()
            if len(self._asked) > _MOST_REMEMBERED:
                self._forget(now)
            asked = [self._of_the_last_minute(name, now) for name in names]
            if any(len(times) >= self._most for times in asked):
                return False
            for times in asked:
                times.append(now)
        return True

    @contextmanager
    def listening(self, session: str) -> Iterator[None]:
        """Mark a stream of the session as open."""
        self._listening[session] += 1
        try:
            yield
        finally:
            self._listening[session] -= 1
            if self._listening[session] <= 0:
                del self._listening[session]

    async def comes_to_listen(self, session: str, within_seconds: float) -> bool:
        """Wait until a stream of the session is open; returns False after the time limit."""
        deadline = self._clock() + within_seconds
        while session not in self._listening:
            if self._clock() >= deadline:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    def _of_the_last_minute(self, name: str, now: float) -> deque[float]:
        times = self._asked.setdefault(name, deque())
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        return times

    def _forget(self, now: float) -> None:
        """Drop addresses and sessions without a question in the last minute."""
        for name in list(self._asked):
            if not self._of_the_last_minute(name, now):
                del self._asked[name]


def _of_one_visitor(address: str) -> str:
    """The address; of IPv6, the network whose 2**64 addresses one visitor gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a proxy that knows visitors by other names
        return address
    if parsed.version == 4 or parsed.ipv4_mapped:  # IPv4 on a socket for both
        return address
    return str(ipaddress.IPv6Network((parsed.packed, 64), strict=False))
