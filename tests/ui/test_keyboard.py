"""The page by keyboard: the focus is never lost."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.ui.conftest import PHONE, OpenPage, ServeDemo
from tests.ui.demo import ANSWER, QUESTION, make_model
from tests.ui.test_page import answered, ask


def test_after_sending_and_stopping_the_box_has_the_focus(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model(ANSWER * 30, piece_seconds=0.05)))
    page.fill("#box textarea", QUESTION)
    page.focus("#send")
    page.keyboard.press("Enter")
    page.wait_for_selector("#chat .answer.writing")
    expect(page.locator("#box textarea")).to_be_focused()
    page.focus("#stop")
    page.keyboard.press("Space")
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#box textarea")).to_be_focused()


def test_after_an_example_the_box_has_the_focus(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    page = open_page(serve_demo(make_model()))
    page.focus("#chat .example")
    page.keyboard.press("Enter")
    answered(page)
    expect(page.locator("#box textarea")).to_be_focused()


def test_a_citation_moves_the_focus_to_its_source(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model()))
    ask(page)
    answered(page)
    page.focus("#chat a.cite")
    page.keyboard.press("Enter")
    expect(page.locator("#source-0-1 summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#source-0-1 .passage")).to_be_hidden()


def test_on_a_phone_sending_does_not_open_the_keyboard(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model()), viewport=PHONE, is_mobile=True, has_touch=True)
    page.fill("#box textarea", QUESTION)
    page.tap("#send")
    answered(page)
    expect(page.locator("#box textarea")).not_to_be_focused()
