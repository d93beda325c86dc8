"""What is known of the visitors who are here now: how often they ask, and who listens."""

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
_MOST_REMEMBERED = 10_000  # askers of one minute
_NAME_CHARS = 100  # of a session, whose name anybody can make as long as a request


class Visitors:
    """Counts questions by address and by session, and the streams that are open.

    A session's name is chosen by the browser, so the address is what limits a program that
    asks; the session limits a page behind a proxy that does not tell addresses.

    Args:
        questions_per_minute: Of one address, and of one session.
        proxies: Their addresses say nothing of the visitor and are not counted.
        clock: Seconds, never set back.
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
        """Count a question; False, and nothing is counted, where it is one too many."""
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
        """Within it, a stream of the session is open."""
        self._listening[session] += 1
        try:
            yield
        finally:
            self._listening[session] -= 1
            if self._listening[session] <= 0:
                del self._listening[session]

    async def comes_to_listen(self, session: str, within_seconds: float) -> bool:
        """Wait until a stream of the session is open; whether it was in time."""
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
        """Drop those who have not asked for a minute."""
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
