"""A real browser and pages to open in it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from assistant.answering.slots import WritingSlots
from assistant.door import Door
from assistant.index import Manifest
from assistant.ui.layout import build_demo
from assistant.ui.serving import start, stop
from tests.ui.demo import PacedChatModel, build_sample_index, make_demo_chain, sample_manifest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

OpenPage = Callable[..., Page]
ServeDemo = Callable[..., str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as opened,
    ):
        yield opened


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens an address as another visitor each time."""
    with ExitStack() as contexts:

        def open_address(address: str, *, viewport: Any = DESKTOP, **options: Any) -> Page:
            options.setdefault("locale", "en-US")
            context = browser.new_context(viewport=viewport, **options)
            contexts.callback(context.close)
            context.set_default_timeout(20_000)
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector("#box textarea")
            return page

        yield open_address


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sample_index(tmp_path_factory.mktemp("sample"))


@pytest.fixture
def serve_demo(index: Path) -> Iterator[ServeDemo]:
    """Serves a page over the sample index with a given model; returns its address."""
    with ExitStack() as demos:

        def serve(
            model: PacedChatModel,
            *,
            answers: bool = True,
            current: Callable[[], Manifest] = sample_manifest,
            slots: WritingSlots | None = None,
            door: Door | None = None,
            root_path: str = "",
            installable: bool = False,
            **options: Any,
        ) -> str:
            chain = make_demo_chain(index, model, answers=answers, slots=slots)
            visitors = door.visitors if door else None
            demo = build_demo(chain, current, visitors=visitors, **options)
            demos.callback(stop, demo)
            return start(
                demo,
                host="127.0.0.1",
                port=free_port(),
                root_path=root_path,
                door=door,
                installable=installable,
            )

        yield serve
