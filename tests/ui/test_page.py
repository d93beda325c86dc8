"""The page in a real browser, over a real index; only the chat model is scripted."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from assistant.answering.slots import WritingSlots
from assistant.index.manifest import SourceEntry
from assistant.indexing import BuildState
from tests.ui.conftest import PHONE, OpenPage, ServeDemo
from tests.ui.demo import (
    ANSWER,
    HOSTILE_ANSWER,
    QUESTION,
    make_model,
    model_failure,
    sample_manifest,
)

HAN = re.compile(r"[\u4e00-\u9fff]")


def ask(page: Page, question: str = QUESTION) -> None:
    page.fill("#box textarea", question)
    page.press("#box textarea", "Enter")


def choose(page: Page, language: str) -> None:
    page.locator("#language label", has_text=language).click()


def answered(page: Page) -> None:
    page.wait_for_selector("#chat .answer.answered")
    page.wait_for_selector("#send")


def test_sources_come_before_the_first_word_and_the_answer_is_streamed(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model(reading_seconds=1.5, piece_seconds=0.05)))
    ask(page)
    page.wait_for_selector("li.source")
    assert page.locator("#chat .answer").count() == 0
    expect(page.locator("#chat .waiting")).to_contain_text("Reading…")
    card = page.locator("li.source").first
    expect(card).to_contain_text("lmdeploy")
    expect(card).to_contain_text("docs/en/quantization/kv_quant.md")
    expect(card).to_contain_text("How to quantize the kv cache online")
    expect(card).to_contain_text("lines 1–15")
    link = card.locator("a.open")
    assert re.fullmatch(
        r"https://github\.com/InternLM/lmdeploy/blob/[0-9a-f]{40}"
        r"/docs/en/quantization/kv_quant\.md\?plain=1#L\d+-L\d+",
        link.get_attribute("href") or "",
    )
    assert (link.get_attribute("target"), link.get_attribute("rel")) == (
        "_blank",
        "noopener noreferrer",
    )
    page.wait_for_selector("#chat .answer.writing")
    half = page.locator("#chat .answer").inner_text()
    answered(page)
    whole = page.locator("#chat .answer").inner_text()
    assert len(half) < len(whole)
    assert "int8 needs policy 8" in whole
    assert page.locator("#chat .answer pre").inner_text().strip() == (
        "engine = TurbomindEngineConfig(quant_policy=8)"
    )
    expect(page.locator("li.source.cited")).to_have_count(1)
    assert "Passages cited: 1 of 3" in page.locator("#chat .note").inner_text()


def test_a_citation_opens_its_source_and_it_stays_open_while_the_answer_is_written(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model(piece_seconds=0.08)))
    ask(page)
    page.wait_for_selector("#chat .answer.writing a.cite")
    passage = page.locator("#source-0-1 .passage")
    expect(passage).to_be_hidden()
    page.locator("#chat a.cite").first.click()
    expect(passage).to_be_visible()
    assert "from lmdeploy import pipeline" in passage.inner_text()
    answered(page)
    expect(page.locator("#source-0-1.cited .passage")).to_be_visible()
    page.locator("#source-0-1 summary").click()
    expect(passage).to_be_hidden()


def test_the_language_switch_changes_the_page_and_keeps_the_answer(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model()), locale="zh-CN")
    expect(page.locator("#send")).to_have_text("发送")
    assert "知识库助手" in page.locator("#brand").inner_text()
    ask(page)
    answered(page)
    answer = page.locator("#chat .answer").inner_html()
    choose(page, "English")
    expect(page.locator("#send")).to_have_text("Send")
    expect(page.locator("#box textarea")).to_have_attribute("placeholder", re.compile("Ask"))
    expect(page).to_have_title("Knowledge Base Assistant")
    shown = page.locator("body").inner_text()
    assert set(HAN.findall(shown.replace("中文", ""))) <= set("量化")  # of a Chinese heading
    assert page.locator("#chat .answer").inner_html() == answer
    page.reload()
    expect(page.locator("#brand h1 .t:visible")).to_have_text("Knowledge Base Assistant")
    expect(page).to_have_title("Knowledge Base Assistant")
    expect(page.locator("#send")).to_have_text("Send")


def test_examples_follow_the_language_and_are_asked_with_one_click(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model()
    page = open_page(serve_demo(model), locale="zh-CN")
    examples = page.locator("#chat .example")
    expect(examples).to_have_count(6)
    expect(examples.first).to_contain_text(HAN)
    choose(page, "English")
    expect(examples.first).to_contain_text("How do I")
    page.locator("#chat .example", has_text="KV cache").click()
    answered(page)
    assert "KV cache quantization in LMDeploy?" in str(model.asked[0][-1].content)


def test_stop_breaks_the_answer_off_and_the_model_with_it(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model(ANSWER * 30, piece_seconds=0.05)
    page = open_page(serve_demo(model))
    ask(page)
    page.wait_for_selector("#chat .answer.writing")
    page.click("#stop")
    expect(page.locator("#chat .note")).to_have_text("Stopped.", use_inner_text=True)
    expect(page.locator("#send")).to_be_visible()
    assert model.stopped.wait(3)
    assert page.locator("#chat .answer").inner_text()
    ask(page, "how to install lmdeploy")
    page.wait_for_selector("#chat .answer.writing")


def test_stop_also_ends_the_reading(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    model = make_model(reading_seconds=60)
    page = open_page(serve_demo(model))
    ask(page)
    page.wait_for_selector("li.source")
    page.click("#stop")
    assert model.stopped.wait(3)
    expect(page.locator("#chat .note")).to_have_text("Stopped.", use_inner_text=True)


def test_the_model_stops_when_the_visitor_leaves(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model(reading_seconds=60)
    page = open_page(serve_demo(model))
    ask(page)
    page.wait_for_selector("li.source")
    page.close()
    assert model.stopped.wait(10)


def test_clear_forgets_the_conversation_and_stops_the_answer(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model(ANSWER * 30, piece_seconds=0.05)
    page = open_page(serve_demo(model))
    ask(page)
    page.wait_for_selector("#chat .answer.writing")
    page.click("#clear")
    expect(page.locator("#chat .answer")).to_have_count(0)
    expect(page.locator("li.source")).to_have_count(0)
    expect(page.locator("#chat .example")).to_have_count(6)
    assert model.stopped.wait(3)
    time.sleep(0.3)
    assert page.locator("#chat .answer").count() == 0
    ask(page)
    page.wait_for_selector("#chat .answer.writing")
    assert [len(messages) for messages in model.asked] == [2, 2]


def test_a_follow_up_knows_the_conversation_and_each_answer_its_own_sources(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model("Set quant_policy to 8 [1].", "Set it to 4 [2].")
    page = open_page(serve_demo(model))
    ask(page)
    answered(page)
    ask(page, "quantize the kv cache to 4 bits online, how")
    expect(page.locator("#chat .answer.answered")).to_have_count(2)
    assert "Set quant_policy to 8" in str(model.asked[1][2].content)
    hrefs = [link.get_attribute("href") for link in page.locator("#chat a.cite").all()]
    assert hrefs == ["#source-0-1", "#source-1-2"]
    expect(page.locator("#source-0-1")).to_be_hidden()
    page.locator("#chat a.cite").first.click()
    expect(page.locator("#source-0-1 .passage")).to_be_visible()
    ask(page, "how to install lmdeploy")
    expect(page.locator("#chat .answer.answered")).to_have_count(3)
    expect(page.locator("#source-0-1 .passage")).to_be_visible()
    expect(page.locator("#source-1-1")).to_be_hidden()


def test_a_failing_model_is_a_sentence_in_the_chat_in_the_visitors_language(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model(fails=model_failure())), locale="zh-CN")
    ask(page)
    notice = page.locator("#chat .notice")
    expect(notice).to_contain_text("语言模型没能写出回答")
    assert "10.0.0.1" not in page.content()
    assert page.input_value("#box textarea") == ""
    assert QUESTION in page.locator("#chat .question").inner_text()
    choose(page, "English")
    expect(notice).to_contain_text("The language model could not write an answer")


def test_an_unexpected_error_is_a_general_sentence_without_a_trace(
    serve_demo: ServeDemo, open_page: OpenPage, caplog: pytest.LogCaptureFixture
) -> None:
    page = open_page(serve_demo(make_model(fails=ZeroDivisionError("secret detail"))))
    ask(page)
    expect(page.locator("#chat .notice")).to_contain_text("Something unexpected went wrong")
    assert "secret detail" not in page.content()
    assert "Traceback" not in page.content()
    assert "secret detail" in caplog.text
    expect(page.locator("#send")).to_be_visible()


@pytest.mark.parametrize("question", ["", "   \n ", "x" * 100_000])
def test_unusable_questions_are_refused_in_the_chat_and_not_lost(
    serve_demo: ServeDemo, open_page: OpenPage, question: str
) -> None:
    model = make_model()
    page = open_page(serve_demo(model))
    page.fill("#box textarea", question)
    page.click("#send")
    expect(page.locator("#chat .notice")).to_contain_text(
        "100000 characters" if question.strip() else "There is no question yet"
    )
    assert page.input_value("#box textarea").strip() == question.strip()
    assert model.asked == []
    ask(page)
    answered(page)


@pytest.mark.parametrize(
    "question",
    [
        "😀 quantize kv cache 🚀",
        "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>",
    ],
)
def test_odd_questions_are_shown_as_they_are(
    serve_demo: ServeDemo, open_page: OpenPage, question: str
) -> None:
    page = open_page(serve_demo(make_model()))
    ask(page, question)
    answered(page)
    assert page.locator("#chat .question").inner_text() == question
    assert page.evaluate("window.hacked") is None


def test_nothing_in_answers_or_documents_runs_or_loads_anything(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    address = serve_demo(make_model(HOSTILE_ANSWER))
    page = open_page(address)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    ask(page, "<b>bold</b> hostile document quantize")
    answered(page)
    for summary in page.locator("li.source summary").all():
        summary.click()
    expect(page.locator("li.source .passage", has_text="window.hacked")).to_be_visible()
    page.locator("#chat .answer a", has_text="picture").hover()
    assert page.locator("#chat .answer img, #chat .answer script, #sources img").count() == 0
    assert page.evaluate("window.hacked") is None
    assert "<script>" in page.locator("#chat .answer").inner_text()
    assert [url for url in requested if not url.startswith((address, "data:", "blob:"))] == []


def test_the_page_asks_no_other_host_for_anything(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    address = serve_demo(make_model())
    page = open_page(address)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.reload()
    page.wait_for_selector("#box textarea")
    ask(page)
    answered(page)
    assert len(requested) > 5
    assert [url for url in requested if not url.startswith((address, "data:", "blob:"))] == []


def test_what_cannot_be_answered_is_refused_with_nearby_topics(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model()
    page = open_page(serve_demo(model, answers=False))
    ask(page, "who won the match")
    page.wait_for_selector("#chat .answer.refused")
    assert "I do not know" in page.locator("#chat .answer").inner_text()
    assert "Related" in page.locator("#sources .panel-title").inner_text()
    assert "not evidence" in page.locator("#sources").inner_text()
    assert page.locator("li.source").count() == 3
    assert model.asked == []


def test_two_visitors_share_nothing(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    address = serve_demo(make_model())
    first, second = open_page(address), open_page(address)
    ask(first)
    answered(first)
    choose(first, "中文")
    expect(first.locator("#send")).to_have_text("发送")
    expect(second.locator("#send")).to_have_text("Send")
    assert second.locator("#chat .answer").count() == 0
    assert second.locator("li.source").count() == 0
    ask(second, "how to install lmdeploy with pip")
    answered(second)
    assert QUESTION not in second.locator("#chat").inner_text()
    second.click("#clear")
    expect(second.locator("#chat .answer")).to_have_count(0)
    assert first.locator("#chat .answer").count() == 1


def test_answers_are_written_one_after_the_other_and_passages_shown_at_once(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model(reading_seconds=2)
    address = serve_demo(model, slots=WritingSlots(1, 5))
    first, second = open_page(address), open_page(address)
    ask(first)
    first.wait_for_selector("li.source")
    ask(second)
    second.wait_for_selector("li.source")
    answered(first)
    assert second.locator("#chat .answer").count() == 0
    answered(second)
    assert len(model.asked) == 2


def test_a_question_too_many_is_told_that_others_wait(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    address = serve_demo(make_model(reading_seconds=3), slots=WritingSlots(1, 0))
    first, second = open_page(address), open_page(address)
    ask(first)
    first.wait_for_selector("li.source")
    ask(second)
    expect(second.locator("#chat .notice")).to_contain_text("Too many questions are waiting")
    second.wait_for_selector("li.source")
    answered(first)


def test_a_second_question_during_an_answer_stays_in_the_box(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model(piece_seconds=0.05)
    page = open_page(serve_demo(model))
    ask(page)
    page.wait_for_selector("#chat .answer.writing")
    ask(page, "and the next one?")
    answered(page)
    assert page.input_value("#box textarea") == "and the next one?"
    assert len(model.asked) == 1


def test_the_search_can_be_narrowed(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    page = open_page(serve_demo(make_model()))
    page.click("#scope .label-wrap")
    page.locator("#scope-sources").get_by_text("lmdeploy").click()
    ask(page)
    answered(page)
    assert page.locator("li.source .repository").all_inner_texts() == ["lmdeploy"]
    assert page.locator("#source-0-1 .path").inner_text() == "docs/en/quantization/kv_quant.md"
    page.locator("#scope-languages").get_by_text("Chinese").click()
    ask(page)
    expect(page.locator("#chat .answer.answered")).to_have_count(2)
    expect(page.locator("#source-1-1 .path")).to_have_text("docs/zh_cn/quantization/kv_quant.md")


def test_a_new_visitor_sees_the_index_in_use(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    manifests = [sample_manifest()]
    address = serve_demo(make_model(), current=lambda: manifests[-1])
    page = open_page(address)
    page.click("#scope .label-wrap")
    names = page.locator("#scope-sources label span")
    expect(names).to_have_text(["lmdeploy", "xtuner", "starter"])
    page.locator("#scope-sources").get_by_text("xtuner").click()
    now = {**manifests[0].sources, "handbook": SourceEntry("", None, (), 1, 1)}
    del now["lmdeploy"]
    now["unreached"] = SourceEntry("", None, (), 0, 0)
    manifests.append(replace(manifests[0], sources=now))
    other = open_page(address)
    other.click("#scope .label-wrap")
    expect(other.locator("#scope-sources label span")).to_have_text(
        ["xtuner", "starter", "handbook"]
    )
    expect(other.locator("#brand .subtitle:visible")).to_contain_text("handbook")
    other.get_by_role("checkbox", name="handbook").check()
    ask(other)  # the choice reaches the search, in whose index there is no such source
    expect(other.locator("#chat")).to_contain_text("no longer in the knowledge base")
    expect(names).to_have_text(["lmdeploy", "xtuner", "starter"])  # until it is loaded again


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_a_running_build_is_shown_and_its_sources_appear_by_themselves(
    serve_demo: ServeDemo, open_page: OpenPage, device: str
) -> None:
    states: list[BuildState | None] = [BuildState("<i>xtuner</i>", 3, 7, 0.25, 90.0)]
    manifests = [sample_manifest()]
    address = serve_demo(make_model(), current=lambda: manifests[-1], building=lambda: states[-1])
    viewport = {"viewport": PHONE, "is_mobile": True} if device == "phone" else {}
    page = open_page(address, **viewport)
    told = page.locator("#building .t:visible")
    expect(told).to_contain_text("Source 3 of 7, <i>xtuner</i>: 25% done, about 2 min left.")
    assert page.locator("#building progress").get_attribute("value") == "25"
    assert no_sideways_scrolling(page)
    page.click("#scope .label-wrap")
    page.get_by_role("checkbox", name="xtuner").check()
    now = {**manifests[0].sources, "handbook": SourceEntry("", None, (), 1, 1)}
    manifests.append(replace(manifests[0], sources=now))
    expect(page.get_by_role("checkbox", name="handbook")).to_be_visible()
    expect(page.get_by_role("checkbox", name="xtuner")).to_be_checked()
    assert "handbook" in (page.locator("#brand .subtitle").last.text_content() or "")
    choose(page, "中文")
    states.append(BuildState(share=0.5))
    expect(told).to_have_text("知识库正在更新，已完成 50%。")
    states.append(None)
    expect(page.locator("#building")).to_be_hidden()
    ask(page)
    answered(page)


def test_a_source_that_is_gone_is_said(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    sources = {**sample_manifest().sources, "gone": SourceEntry("", None, (), 1, 1)}
    current = replace(sample_manifest(), sources=sources)
    page = open_page(serve_demo(make_model(), current=lambda: current))
    page.click("#scope .label-wrap")
    page.get_by_role("checkbox", name="gone").check()
    ask(page)
    expect(page.locator("#chat")).to_contain_text("no longer in the knowledge base")


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_a_phone_needs_no_sideways_scrolling_and_has_sources_below_the_answer(
    serve_demo: ServeDemo, open_page: OpenPage, locale: str
) -> None:
    long_line = ANSWER + "\n```sh\n" + "lmdeploy serve api_server --option value " * 8 + "\n```\n"
    page = open_page(
        serve_demo(make_model(long_line + "| a | b |\n| - | - |\n| " + "x" * 90 + " | y |\n")),
        viewport=PHONE,
        locale=locale,
        is_mobile=True,
        has_touch=True,
    )
    assert no_sideways_scrolling(page)
    ask(page, QUESTION + " " + "w" * 300)
    answered(page)
    page.locator("li.source summary").first.click()
    page.click("#scope .label-wrap")
    assert no_sideways_scrolling(page)
    answer = page.locator("#chat .answer").bounding_box()
    sources = page.locator("#sources").bounding_box()
    assert answer is not None
    assert sources is not None
    assert sources["y"] >= answer["y"] + answer["height"]
    expect(page.locator("#send")).to_be_in_viewport()


def no_sideways_scrolling(page: Page) -> bool:
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )


def test_a_desktop_has_sources_beside_the_answer_on_one_screen(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    page = open_page(serve_demo(make_model(ANSWER * 6)))
    ask(page)
    answered(page)
    chat, sources = page.locator("#chat").bounding_box(), page.locator("#sources").bounding_box()
    assert chat is not None
    assert sources is not None
    assert sources["x"] >= chat["x"] + chat["width"]
    assert page.evaluate("document.documentElement.scrollHeight") <= 800
    expect(page.locator("#send")).to_be_in_viewport()
    expect(page.locator("#facts")).to_be_in_viewport()


def test_the_foot_tells_of_index_and_model(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    page = open_page(serve_demo(make_model(), model_name="tiny-model"))
    foot = page.locator("#facts")
    for fact in ("Sources 3", "documents 4", "passages 4", "tiny-model"):
        expect(foot).to_contain_text(fact)
    foot.locator("summary").click()
    expect(foot.locator("code").first).to_have_text("1263d5c")


def test_an_owners_title_and_examples_replace_the_built_in_ones(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    address = serve_demo(
        make_model(), title="ACME <Handbook>", examples={"en": ["Days off?"], "zh": []}
    )
    page = open_page(address)
    expect(page.locator("#brand h1")).to_have_text("ACME <Handbook>", use_inner_text=True)
    expect(page).to_have_title("ACME <Handbook>")
    expect(page.locator("#chat .example")).to_have_text(["Days off?"])


def test_code_can_be_copied(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    page = open_page(serve_demo(make_model()), permissions=["clipboard-read", "clipboard-write"])
    ask(page)
    answered(page)
    page.locator("#chat .copy-code").click()
    assert page.evaluate("navigator.clipboard.readText()").strip() == (
        "engine = TurbomindEngineConfig(quant_policy=8)"
    )


def test_copied_code_has_its_tabs(serve_demo: ServeDemo, open_page: OpenPage) -> None:
    model = make_model("```make\nall:\n\tmake install\n```\n")
    page = open_page(serve_demo(model), permissions=["clipboard-read", "clipboard-write"])
    ask(page)
    answered(page)
    page.locator("#chat .copy-code").click()
    assert page.evaluate("navigator.clipboard.readText()") == "all:\n\tmake install\n"


def test_a_question_that_was_stopped_in_line_is_not_answered_and_the_next_one_is(
    serve_demo: ServeDemo, open_page: OpenPage
) -> None:
    model = make_model(reading_seconds=2)
    address = serve_demo(model, slots=WritingSlots(1, 5))
    first, second = open_page(address), open_page(address)
    ask(first)
    first.wait_for_selector("li.source")
    ask(second, "never mind the kv cache")
    second.click("#stop")
    expect(second.locator("#chat .note")).to_have_text("Stopped.", use_inner_text=True)
    ask(second, "how to install lmdeploy")
    answered(second)
    answered(first)
    assert second.locator("#chat .question").all_inner_texts() == [
        "never mind the kv cache",
        "how to install lmdeploy",
    ]
    assert len(model.asked) == 2
