"""The page behind a reverse proxy that serves it under a path."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import OpenPage, ServeDemo
from tests.ui.demo import make_model
from tests.ui.reverse_proxy import ReverseProxy, proxying
from tests.ui.test_page import answered, ask


@pytest.fixture
def proxy() -> Iterator[ReverseProxy]:
    with proxying("/tools/assistant") as opened:
        yield opened


def test_a_question_is_answered_under_the_path_that_is_set(
    serve_demo: ServeDemo, open_page: OpenPage, proxy: ReverseProxy
) -> None:
    proxy.behind = serve_demo(make_model(), root_path=proxy.path)
    page = open_page(proxy.address)
    ask(page)
    answered(page)
    expect(page.locator("#notice")).to_have_count(0)
    # What a browser asks for by itself, before gradio has added the icon's address.
    assert set(proxy.missing) <= {"/favicon.ico"}
    assert "/favicon.ico" in proxy.found


@pytest.mark.parametrize("root_path", ["", "/elsewhere"])
@pytest.mark.parametrize(
    ("locale", "sentence"),
    [("en-US", "this page is at the path"), ("zh-CN", "请维护者设置")],
)
def test_a_path_that_is_not_set_or_wrong_is_told_to_visitor_and_owner(
    serve_demo: ServeDemo,
    open_page: OpenPage,
    proxy: ReverseProxy,
    caplog: pytest.LogCaptureFixture,
    root_path: str,
    locale: str,
    sentence: str,
) -> None:
    caplog.set_level(logging.WARNING, "assistant")
    proxy.behind = serve_demo(make_model(), root_path=root_path)
    for _ in range(2):
        page = open_page(proxy.address, locale=locale)
        notice = page.locator("#notice .t:visible")
        expect(notice).to_have_count(1)
        expect(notice).to_contain_text(sentence)
        expect(notice).to_contain_text(f"ASSISTANT_ROOT_PATH={proxy.path}")
        page.wait_for_load_state("networkidle")
    assert caplog.text.count(f"set ASSISTANT_ROOT_PATH={proxy.path}") == 1


@pytest.mark.parametrize("root_path", ["", "/assistant"])
def test_without_a_proxy_nothing_is_told(
    serve_demo: ServeDemo, open_page: OpenPage, root_path: str
) -> None:
    page = open_page(serve_demo(make_model(), root_path=root_path))
    ask(page)
    answered(page)
    expect(page.locator("#notice")).to_have_count(0)
