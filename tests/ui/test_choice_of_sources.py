"""A visitor's choice of sources while the index changes."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import Route, expect

from assistant.indexing import BuildState
from tests.ui.conftest import OpenPage, ServeDemo
from tests.ui.demo import make_model, sample_manifest
from tests.ui.test_page import answered, ask


def test_a_chosen_source_that_leaves_the_index_leaves_the_choice(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    manifests = [sample_manifest()]
    building = BuildState("xtuner", 2, 3, 0.25, 90.0)
    address = serve_demo(make_model(), current=lambda: manifests[-1], building=lambda: building)
    page = open_page(address)
    page.click("#scope .label-wrap")
    page.get_by_role("checkbox", name="lmdeploy").check()
    page.get_by_role("checkbox", name="starter").check()
    left = {name: entry for name, entry in manifests[0].sources.items() if name != "starter"}
    manifests.append(replace(manifests[0], sources=left))
    expect(page.locator("#scope-sources label.selected")).to_have_text(["lmdeploy"])
    ask(page)
    answered(page)
    assert set(page.locator("li.source .repository").all_inner_texts()) == {"lmdeploy"}


def test_a_question_that_gradio_refuses_ends_with_a_sentence_and_the_next_one_is_answered(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    def choose_unknown(route: Route) -> None:
        asked = route.request.post_data or ""
        route.continue_(post_data=asked.replace('"starter"', '"unknown"'))

    page = open_page(serve_demo(make_model()))
    page.click("#scope .label-wrap")
    page.get_by_role("checkbox", name="starter").check()
    page.route("**/queue/join*", choose_unknown)
    ask(page)
    expect(page.locator("#chat .notice")).to_contain_text("Something unexpected went wrong")
    page.get_by_role("checkbox", name="starter").uncheck()
    ask(page)
    answered(page)
