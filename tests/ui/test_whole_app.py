"""The application as a program: real models, a real index, a real browser.

With SCREENSHOTS=folder in the environment it also saves the pictures of the README.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from assistant.index import Manifest, current_version
from tests.app_program import ended_by, served_app
from tests.ui.conftest import PHONE, OpenPage, free_port
from tests.ui.test_page import answered, ask, choose, no_sideways_scrolling

ROOT = Path(__file__).parents[2]
SMALL_MODEL = "qwen2.5-coder-0.5b-instruct"
QUESTIONS = {
    "en": "How do I turn on KV cache quantization in LMDeploy?",
    "zh": "Lagent 的智能体怎么调用工具？",
}
FOUND = {"en": "lmdeploy-kv-cache.en.md", "zh": "lagent-tools.zh.md"}
# Reading a prompt takes half a minute where other programs use the processors, too.
ANSWER_MS = 240_000

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of an application that builds an index of the project's own articles."""
    folder = tmp_path_factory.mktemp("app")
    sources = folder / "sources.toml"
    articles = json.dumps(str(ROOT / "knowledge" / "starter"))
    sources.write_text(f'[[source]]\nname = "starter"\nfolder = {articles}\n', encoding="utf-8")
    quick = {  # where nothing else is set: what slow processors read and write within seconds
        "ASSISTANT_CHAT_MODEL": SMALL_MODEL,
        "ASSISTANT_PASSAGES_TOKENS": "500",
        "ASSISTANT_ANSWER_TOKENS": "96",
    }
    return (
        quick
        | os.environ
        | {
            "ASSISTANT_SOURCES_FILE": str(sources),
            "ASSISTANT_DB_FOLDER": str(folder / "db"),
            "ASSISTANT_PORT": str(free_port()),
            "ASSISTANT_BUILD_MISSING_INDEX": "true",
        }
    )


@pytest.fixture(scope="module")
def address(environment: dict[str, str]) -> Iterator[str]:
    """`python app.py`, until it serves; it must end by itself when it is interrupted."""
    with served_app(environment) as (program, address):
        version = current_version(Path(environment["ASSISTANT_DB_FOLDER"]))
        assert version is not None
        index = Manifest.read(version)
        assert index.chunks >= len(index.files) >= 20
        yield address
        ended_by(program, signal.SIGINT)


def save(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.mouse.move(0, 0)
        page.wait_for_timeout(1200)
        page.screenshot(path=Path(folder) / f"{name}.png")


def answer_text(page: Page) -> str:
    """The answer without the labels of buttons, which are in the page's language."""
    without_buttons = """answer => {
        const copy = answer.cloneNode(true);
        copy.querySelectorAll("button").forEach(button => button.remove());
        return copy.textContent;
    }"""
    return str(page.locator("#chat .answer").evaluate(without_buttons))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_question_is_answered_with_its_sources(
    address: str, open_page: OpenPage, language: str
) -> None:
    page = open_page(address, locale={"en": "en-US", "zh": "zh-CN"}[language])
    page.set_default_timeout(ANSWER_MS)
    ask(page, QUESTIONS[language])
    page.wait_for_selector("li.source")
    assert page.locator("#chat .answer").count() == 0
    expect(page.locator("li.source .repository").first).to_have_text("starter")
    assert FOUND[language] in page.locator("#sources").inner_text()
    page.wait_for_selector("#chat .answer.writing")
    half = page.locator("#chat .answer").inner_text()
    answered(page)
    whole = answer_text(page)
    assert len(half) < len(whole)
    cite = page.locator("#chat a.cite").first
    number = cite.inner_text()
    cite.click()
    passage = page.locator(f"#source-0-{number}.cited .passage")
    expect(passage).to_be_visible()
    assert passage.inner_text().strip()
    save(page, f"desktop-{language}")
    choose(page, {"en": "中文", "zh": "English"}[language])
    expect(page.locator("#send")).to_have_text({"en": "发送", "zh": "Send"}[language])
    assert answer_text(page) == whole


def test_a_phone_shows_the_sources_below_the_answer(address: str, open_page: OpenPage) -> None:
    page = open_page(
        address,
        viewport=PHONE,
        locale="zh-CN",
        is_mobile=True,
        has_touch=True,
        device_scale_factor=2,
    )
    page.set_default_timeout(ANSWER_MS)
    ask(page, QUESTIONS["zh"])
    answered(page)
    assert no_sideways_scrolling(page)
    save(page, "phone-zh")


def test_a_question_about_something_else_is_refused(address: str, open_page: OpenPage) -> None:
    page = open_page(address)
    page.set_default_timeout(ANSWER_MS)
    ask(page, "Which football club won the cup last year?")
    page.wait_for_selector("#chat .answer.refused")
    assert "not evidence" in page.locator("#sources").inner_text()
