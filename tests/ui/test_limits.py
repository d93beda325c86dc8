"""What one visitor may take: each limit, and what the page says of it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from assistant.documents import Citation, Question
from assistant.door import Door, Visitors
from assistant.ui.conversation import Conversation, Exchange, messages, trimmed
from assistant.ui.handlers import Limits, _passages
from assistant.ui.layout import build_demo
from assistant.ui.serving import start, stop
from tests.builders import make_hit
from tests.ui.conftest import OpenPage, ServeDemo, free_port
from tests.ui.demo import QUESTION, make_demo_chain, make_model, sample_manifest
from tests.ui.proxies import asked_over_http
from tests.ui.test_page import answered, ask


def test_a_question_that_is_too_long_is_not_stored_and_does_not_travel_back(
    serve_demo: ServeDemo,
) -> None:
    address = serve_demo(make_model(), door=Door(most_bytes=20_000_000))
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
        config = http.get("config").json()
        number = {d["api_name"]: d["id"] for d in config["dependencies"]}
        event = {"fn_index": number["ask"], "session_hash": "abc", "event_data": None}
        body = {"data": ["x" * 10_000_000, None], **event}
        sent = http.post("gradio_api/run/predict", json=body)
    assert "10000000 characters" in sent.text
    assert len(sent.content) < 10_000


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_request_that_is_too_large_is_a_sentence_and_the_question_stays(
    serve_demo: ServeDemo, open_page: OpenPage, locale: str
) -> None:
    page = open_page(serve_demo(make_model(), door=Door(most_bytes=50_000)), locale=locale)
    page.fill("#box textarea", "x" * 60_000)
    page.click("#send")
    notice = page.locator("#chat .notice")
    expect(notice).to_contain_text({"en-US": "too large", "zh-CN": "内容太大"}[locale])
    assert len(page.input_value("#box textarea")) == 60_000
    ask(page)
    answered(page)
    expect(notice).to_have_count(0)


def test_a_question_too_soon_stays_in_the_box_with_a_sentence(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model(), door=Door(visitors=Visitors(1))))
    ask(page)
    answered(page)
    ask(page, "how to install lmdeploy")
    expect(page.locator("#chat .notice")).to_contain_text("Too many questions in a short time")
    assert page.input_value("#box textarea") == "how to install lmdeploy"
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#chat .answer.answered")).to_have_count(1)
    assert page.locator("li.source").count() == 3


def test_an_answer_that_nobody_listens_for_is_not_written(serve_demo: ServeDemo) -> None:
    model = make_model()
    address = serve_demo(model, door=Door(), limits=Limits(listener_seconds=0.3))
    for _ in range(5):
        asked_over_http(address, {}, listen_to_it=False)
    time.sleep(1)
    assert model.asked == []
    _, sent = asked_over_http(address, {})
    assert "quant_policy" in sent
    assert len(model.asked) == 1


def test_a_question_that_gradios_queue_has_no_room_for_is_a_sentence(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    address = serve_demo(make_model(reading_seconds=6), most_answers=1)
    pages = [open_page(address) for _ in range(3)]
    for page in pages:
        ask(page)
        page.wait_for_selector("#chat .waiting, #chat .notice")
    notice = pages[-1].locator("#chat .notice")
    expect(notice).to_contain_text("Too many questions are waiting")
    expect(pages[-1].locator("#send")).to_be_visible()


def test_one_question_is_answered_once_however_often_its_answer_is_asked_for(
    serve_demo: ServeDemo,
) -> None:
    model = make_model(reading_seconds=1)
    address = serve_demo(model)
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as http:
        config = http.get("config").json()
        number = {d["api_name"]: d["id"] for d in config["dependencies"]}
        event = {"session_hash": "abcdef", "event_data": None}
        asking = {"data": [QUESTION, None], "fn_index": number["ask"], **event}
        http.post("gradio_api/run/predict", json=asking).raise_for_status()
        for _ in range(5):
            joining = {"data": [None, None, [], []], "fn_index": number["answer"], **event}
            http.post("gradio_api/queue/join", json=joining).raise_for_status()
        sent = http.get("gradio_api/queue/data", params={"session_hash": "abcdef"}).text
    assert sent.count("process_completed") == 5
    assert len(model.asked) == 1


def test_the_oldest_questions_leave_a_long_conversation_and_it_is_said(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model("Yes [1]."), limits=Limits(turns=2)))
    for number, question in enumerate(("first kv cache", "second kv cache", "third kv cache")):
        ask(page, question)
        expect(page.locator("#chat .answer.answered")).to_have_count(min(number + 1, 2))
        expect(page.locator("#chat .question").last).to_have_text(question)
        page.wait_for_selector("#send")
    assert page.locator("#chat .question").all_inner_texts() == [
        "second kv cache",
        "third kv cache",
    ]
    expect(page.locator("#chat .note").first).to_contain_text("dropped from this conversation")
    expect(page.locator("#sources .earlier")).to_have_count(1)
    page.locator("#chat a.cite").first.click()
    expect(page.locator("#source-1-1 .passage")).to_be_visible()


def test_gradio_keeps_no_earlier_values_of_a_conversation(index: Path) -> None:
    demo = build_demo(make_demo_chain(index, make_model()), sample_manifest)
    address = start(demo, host="127.0.0.1", port=free_port())
    try:
        for _ in range(4):
            asked_over_http(address, {}, session="abcdef")
        kept = [
            str(value) for value in demo.state_holder.session_data["abcdef"].config_values.values()
        ]
    finally:
        stop(demo)
    assert len([value for value in kept if "panel-title" in value]) == 1
    assert len([value for value in kept if "answer answered" in value]) == 1


def test_of_questions_far_back_only_the_cited_passages_are_sent() -> None:
    passages = (Citation(1, make_hit()), Citation(2, make_hit(rank=2)))
    conversation = tuple(
        Exchange(Question("kv cache"), "answered", passages, text="a [2]", cited=(2,))
        for _ in range(12)
    )
    sent = _passages(conversation)
    assert len(re.findall(r'id="source-\d+-2"', sent)) == 12  # every citation still leads to one
    assert len(re.findall(r'id="source-\d+-1"', sent)) == 10
    assert "source-1-1" not in sent


def test_citations_of_a_stopped_answer_far_back_still_lead_to_their_passages() -> None:
    passages = (Citation(1, make_hit()), Citation(2, make_hit(rank=2)))
    stopped = Exchange(Question("kv cache"), "stopped", passages, text="a [2] and")
    conversation = (stopped, *exchanges(*"abcdefghijk"))
    assert 'href="#source-0-2"' in messages(conversation)[1]["content"]
    sent = _passages(conversation)
    assert 'id="source-0-2"' in sent
    assert 'id="source-0-1"' not in sent


def exchanges(*questions: str) -> Conversation:
    return tuple(Exchange(Question(question), "answered", text="a") for question in questions)


def test_a_conversation_within_its_limit_is_as_it_was() -> None:
    assert trimmed(exchanges("a", "b"), 2) == exchanges("a", "b")
    assert trimmed((), 0) == ()


def test_a_trimmed_conversation_has_one_note_in_front() -> None:
    once = trimmed(exchanges("a", "b", "c"), 2)
    twice = trimmed((*once, *exchanges("d")), 2)
    assert [exchange.question.text for exchange in twice] == ["", "c", "d"]
    assert "have been dropped" in messages(twice)[0]["content"]
    assert len(messages(twice)) == 5
