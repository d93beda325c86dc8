"""The page on a phone, where it scrolls as a whole under the question box."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.ui.conftest import PHONE, OpenPage, ServeDemo
from tests.ui.demo import ANSWER, make_model
from tests.ui.test_page import answered, ask, no_sideways_scrolling

WIDE = (
    "Call `lmdeploy.serve.api_server.configuration.quantization.TurbomindEngineConfig` "
    f"with `{'quant_policy' * 12}` [1].\n\n"
    "| configuration | explanation | recommendation | quantization |\n"
    "| - | - | - | - |\n"
    "| quantization | understandable | unconditionally | TurbomindEngineConfig |\n"
)


def phone_page(open_page: OpenPage, address: str) -> Page:
    return open_page(address, viewport=PHONE, is_mobile=True, has_touch=True)


def test_long_code_in_a_line_breaks_and_a_wide_table_scrolls_in_its_box(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = phone_page(open_page, serve_demo(make_model(WIDE)))
    ask(page)
    answered(page)
    ends = "codes => Math.max(...codes.map(code => code.getBoundingClientRect().right))"
    assert page.locator("#chat .answer p code").evaluate_all(ends) <= PHONE["width"]
    table = page.locator("#chat .answer .table")
    assert table.evaluate("table => table.scrollWidth > table.clientWidth")
    heights = "cells => Math.max(...cells.map(cell => cell.clientHeight))"
    assert table.locator("td").evaluate_all(heights) < 60
    assert no_sideways_scrolling(page)


@pytest.mark.parametrize("filters", ["folded", "unfolded"])
def test_a_citation_leads_to_a_passage_that_the_question_box_does_not_hide(
    serve_demo: ServeDemo, open_page: OpenPage, filters: str
) -> None:
    page = phone_page(open_page, serve_demo(make_model(ANSWER * 4)))
    ask(page)
    answered(page)
    if filters == "unfolded":
        page.click("#scope .label-wrap")
    page.locator("#chat a.cite").first.click()
    passage = page.locator("#source-0-1 .passage")
    expect(passage).to_be_in_viewport()
    page.wait_for_timeout(1000)  # until the scrolling is over
    shown, box = passage.bounding_box(), page.locator("#composer").bounding_box()
    assert shown is not None
    assert box is not None
    assert 0 <= shown["y"] <= box["y"] - 50
