"""How often somebody may ask, and who listens."""

from __future__ import annotations

from assistant.door import Visitors


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_visitor_may_ask_so_often_a_minute() -> None:
    clock = Clock()
    visitors = Visitors(3, clock=clock)
    assert [visitors.may_ask("192.0.2.1", "a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert visitors.may_ask("192.0.2.2", "b")
    clock.now += 60
    assert visitors.may_ask("192.0.2.1", "a")


def test_another_session_of_the_same_address_is_the_same_visitor() -> None:
    visitors = Visitors(3, clock=Clock())
    assert [visitors.may_ask("192.0.2.1", str(n)) for n in range(4)] == [True] * 3 + [False]


def test_the_addresses_of_one_ipv6_network_are_the_same_visitor() -> None:
    visitors = Visitors(3, clock=Clock())
    asked = [visitors.may_ask(f"2001:db8::{n}", str(n)) for n in range(4)]
    assert asked == [True] * 3 + [False]
    assert visitors.may_ask("2001:db8:0:1::1", "b")
    for prefix in ("", "::ffff:"):
        assert all(visitors.may_ask(f"{prefix}192.0.2.{n}", f"{prefix}{n}") for n in range(4))


def test_behind_a_proxy_that_tells_no_addresses_each_session_counts_for_itself() -> None:
    visitors = Visitors(3, proxies=("127.0.0.1",), clock=Clock())
    assert all(visitors.may_ask("127.0.0.1", str(n)) for n in range(10))
    assert [visitors.may_ask("127.0.0.1", "a") for _ in range(4)] == [True] * 3 + [False]


def test_those_who_asked_long_ago_are_forgotten() -> None:
    clock = Clock()
    visitors = Visitors(3, clock=clock)
    for n in range(10_001):
        visitors.may_ask("", str(n))
    clock.now += 61
    visitors.may_ask("", "last")
    assert len(visitors._asked) == 1


async def test_listening_is_waited_for() -> None:
    visitors = Visitors(3)
    assert not await visitors.comes_to_listen("a", 0.05)
    with visitors.listening("a"), visitors.listening("a"):
        assert await visitors.comes_to_listen("a", 0.05)
        assert not await visitors.comes_to_listen("b", 0.05)
    assert not await visitors.comes_to_listen("a", 0.05)
