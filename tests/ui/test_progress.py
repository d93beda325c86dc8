"""What the events of an answer change in a conversation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.documents import Answer, FinishReason, Question, Retrieved, SearchFilters
from assistant.ui.conversation import Exchange, messages
from assistant.ui.progress import steps
from assistant.ui.sources_panel import panel
from tests.fakes import ScriptedChain


async def followed(chain: ScriptedChain) -> list[Exchange]:
    asked = Exchange(Question("how?"))
    return [exchange async for exchange in steps(chain, asked, (), SearchFilters())]


async def test_hits_of_several_searches_add_up_under_numbers_of_their_own() -> None:
    exchanges = await followed(ScriptedChain())
    assert [(e.status, len(e.passages)) for e in exchanges] == [
        ("searching", 0),
        ("reading", 2),
        ("writing", 2),
        ("writing", 2),
        ("reading", 3),
        ("writing", 3),
        ("answered", 3),
    ]
    last = exchanges[-1]
    assert [passage.number for passage in last.passages] == [1, 2, 3]
    assert (last.text, last.cited) == ("It is 4 [3].", (3,))
    assert "#source-0-3" in messages((last,))[1]["content"]
    assert 'class="source cited" id="source-0-3"' in panel((last,))


async def test_a_search_without_evidence_after_one_with_it_is_no_refusal() -> None:
    chain = ScriptedChain()
    second = chain.events[3]
    assert isinstance(second, Retrieved)
    chain.events = tuple(
        replace(event, answerable=False) if event is second else event for event in chain.events
    )
    assert {exchange.status for exchange in await followed(chain)}.isdisjoint({"refused"})


@pytest.mark.parametrize(
    ("finish_reason", "told"), [("stop", False), ("length", True), ("time", True)]
)
async def test_a_visitor_is_told_that_an_answer_is_not_complete(
    finish_reason: FinishReason, told: bool
) -> None:
    chain = ScriptedChain()
    answer = Answer("It is 4 [3].", refused=False, finish_reason=finish_reason)
    chain.events = (*chain.events[:-1], answer)
    shown = messages(tuple((await followed(chain))[-1:]))[1]["content"]
    assert ("is not complete" in shown) is told
