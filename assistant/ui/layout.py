"""Components of the page, and the handlers connected to their events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant.answering.chain import AnswerChain
from assistant.documents import Language
from assistant.door import Visitors
from assistant.index import Manifest
from assistant.indexing import BuildState
from assistant.ui import texts
from assistant.ui.conversation import Visit
from assistant.ui.examples import Examples, built_in_examples
from assistant.ui.frame import building_progress, facts, header, welcome
from assistant.ui.handlers import Handlers, Limits
from assistant.ui.language_switch import FIRST, Texts, connect_language_switch
from assistant.ui.sources_panel import panel
from assistant.ui.texts import LANGUAGE_NAMES, LANGUAGES, Words
from assistant.ui.view import Shown, Updates

# For events that only update the display and need no queue.
_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_LOOK_SECONDS = 2.0  # between checks on a running build
# Keeps opened passages and earlier questions open when the list is redrawn.
_KEEP_OPEN = """
const open = new Set();
element.addEventListener("toggle", (event) => {
  const { id } = event.target.closest("li.source, .earlier");
  event.target.open ? open.add(id) : open.delete(id);
}, true);
watch("value", () => {
  for (const id of [...open]) {
    const kept = document.getElementById(id);
    const details = kept?.matches("details") ? kept : kept?.querySelector("details");
    if (details) details.open = true; else open.delete(id);
  }
});
"""


# On narrow screens, where the whole page scrolls, scrolls the new question into view.
_SHOW_QUESTION = """() => {
  if (matchMedia("(max-width: 900px)").matches) {
    [...document.querySelectorAll("#chat .user-row")].at(-1)
      ?.scrollIntoView({ block: "start", behavior: "smooth" });
  }
}"""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The components that events read or write; the handlers update those of `shown`."""

    shown: Shown
    visit: Any
    clear: Any
    sources: Any
    languages: Any


def build_demo(  # noqa: PLR0913 (each part of a page can be replaced)
    chain: AnswerChain,
    current: Callable[[], Manifest],
    *,
    building: Callable[[], BuildState | None] = lambda: None,
    title: str = "",
    model_name: str = "",
    examples: Examples | None = None,
    visitors: Visitors | None = None,
    limits: Limits | None = None,
    most_answers: int = 40,
    conversation_hours: float = 24.0,
    max_conversations: int = 1000,
) -> gr.Blocks:
    """Build the page, with its queue.

    Args:
        chain: Answers questions.
        current: Returns the manifest of the index in use, for its sources and counts; called
            for every visitor, because a build may have switched versions.
        building: Returns the state of the running build, or None.
        title: Title of the page; empty: the default title, in both languages.
        model_name: Name shown in the footer.
        examples: Example questions; None: the built-in ones that fit the index.
        visitors: Counts questions and open streams; None: no counting.
        limits: Limits for each visitor; None: the defaults.
        most_answers: Maximum number of questions in progress, including those that wait for
            a writing slot; as many again may wait in Gradio's queue.
        conversation_hours: How long a conversation is kept after its last question.
        max_conversations: Maximum number of conversations kept.
    """
    manifest = current()
    name = Words(title, title) if title else texts.TITLE
    if examples is None:
        examples = built_in_examples(manifest.searchable)
    page, seconds = Texts(), conversation_hours * 3600
    # Telemetry would contact a host that many owners cannot reach.
    with gr.Blocks(title=name[FIRST], analytics_enabled=False, fill_width=True) as demo:
        with gr.Row(elem_id="top"):
            brand = gr.HTML(header(name, manifest), elem_id="brand")
            language = gr.Radio(
                [("中文", "zh"), ("English", "en")],
                value=FIRST,
                label="中文 / English",
                show_label=False,
                container=False,
                elem_id="language",
            )
        progress = gr.HTML(elem_id="building")
        parts = _body(page, manifest, examples, seconds)
        foot = gr.HTML(facts(manifest, model_name), elem_id="facts")

        shown = gr.State(_contents(manifest), time_to_live=seconds)
        clock = gr.Timer(_LOOK_SECONDS, active=False)

        def refresh(seen: Any, chosen: Sequence[str]) -> Updates:
            state, now = building(), current()
            updates = {progress: building_progress(state), clock: gr.Timer(active=bool(state))}
            if _contents(now) == seen:
                return updates
            kept = [name for name in chosen if name in now.searchable]
            return updates | {
                shown: _contents(now),
                brand: header(name, now),
                foot: facts(now, model_name),
                parts.sources: gr.update(choices=now.searchable, value=kept),
            }

        refreshed = [progress, clock, shown, brand, foot, parts.sources]
        gr.on([demo.load, clock.tick], refresh, [shown, parts.sources], refreshed, **_QUICK)
        _connect(parts, Handlers(chain, parts.shown, visitors, limits or Limits(), most_answers))
        connect_language_switch(demo, language, page, name)
    demo.state_session_capacity = max_conversations
    demo.max_threads = most_answers  # for queued and unqueued events
    return demo.queue(api_open=False, max_size=most_answers)


def _contents(manifest: Manifest) -> Any:
    """The parts of an index shown on the page; a change means that it must be redrawn."""
    return manifest.sources, len(manifest.files), manifest.chunks


def _body(page: Texts, manifest: Manifest, examples: Examples, seconds: float) -> _Parts:
    with gr.Column(elem_id="body"):
        chat = _chat(page, examples)
        with gr.Column(elem_id="composer"):
            with gr.Row(elem_id="entry"):
                box = page.make(
                    gr.Textbox,
                    {"label": texts.QUESTION, "placeholder": texts.ASK},
                    show_label=False,
                    container=False,
                    max_lines=6,
                    autofocus=True,
                    elem_id="box",
                )
                send = page.make(
                    gr.Button, {"value": texts.SEND}, variant="primary", elem_id="send"
                )
                stop = page.make(
                    gr.Button, {"value": texts.STOP}, variant="stop", visible=False, elem_id="stop"
                )
            with gr.Row(elem_id="tools"):
                sources, languages = _scope(page, manifest.searchable)
                clear = page.make(gr.Button, {"value": texts.CLEAR}, size="sm", elem_id="clear")
        passages = gr.HTML(panel(()), elem_id="sources", js_on_load=_KEEP_OPEN)
    state = gr.State((), time_to_live=seconds)
    visit = gr.State(Visit(), time_to_live=seconds)
    shown = Shown(state, chat, passages, box, send, stop)
    return _Parts(shown, visit, clear, sources, languages)


def _chat(page: Texts, examples: Examples) -> Any:
    def offered(language: Language) -> list[dict[str, str]]:
        return [{"text": question} for question in examples.get(language, ())]

    return page.make(
        gr.Chatbot,
        {"label": texts.CHAT, "examples": offered},
        placeholder=welcome(),
        show_label=False,
        container=False,
        render_markdown=False,  # messages are already safe HTML
        sanitize_html=True,
        allow_tags=False,
        latex_delimiters=[],
        feedback_options=None,
        buttons=[],
        height=None,
        layout="bubble",
        elem_id="chat",
    )


def _scope(page: Texts, names: Sequence[str]) -> tuple[Any, Any]:
    """Choice of sources and languages to search, inside a collapsed accordion."""

    def named(language: Language) -> list[tuple[str, Language]]:
        return [(LANGUAGE_NAMES[code][language], code) for code in LANGUAGES]

    with page.make(gr.Accordion, {"label": texts.SCOPE}, open=False, elem_id="scope"):
        sources = page.make(
            gr.CheckboxGroup,
            {"label": texts.SCOPE_SOURCES},
            choices=list(names),
            elem_id="scope-sources",
        )
        languages = page.make(
            gr.CheckboxGroup,
            {"label": texts.SCOPE_LANGUAGES, "choices": named},
            elem_id="scope-languages",
        )
    return sources, languages


def _connect(parts: _Parts, handlers: Handlers) -> None:
    page, shown = parts.shown, parts.shown.components()
    asked = [
        gr.on(
            [page.send.click, page.box.submit],
            handlers.ask,
            [page.box, page.conversation],
            shown,
            **_QUICK,
        ),
        page.chat.example_select(handlers.ask_example, page.conversation, shown, **_QUICK),
    ]
    for event in asked:
        event.failure(handlers.not_sent, page.conversation, shown, **_QUICK)
        answering = event.then(
            handlers.answer,
            [page.conversation, parts.visit, parts.sources, parts.languages],
            shown,
            concurrency_limit=None,  # the writing slots of the chain set the limit
            concurrency_id="answers",
            trigger_mode="multiple",  # a question stopped while queued may still be in the queue
            show_progress="hidden",
            api_visibility="private",
        )
        answering.failure(handlers.failed, page.conversation, shown, **_QUICK)
        event.then(None, js=_SHOW_QUESTION, queue=False)
    page.stop.click(handlers.stop, [page.conversation, parts.visit], shown, **_QUICK)
    parts.clear.click(handlers.clear, parts.visit, shown, **_QUICK)
