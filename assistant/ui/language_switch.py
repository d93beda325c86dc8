"""Switches the language of the texts inside components, which the stylesheet cannot do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from assistant.documents import Language
from assistant.ui.texts import Words, language_from_header

FIRST: Language = "en"  # used until the browser's language is known

_SET_LANGUAGE = """(language) => {{
  const chinese = language === "zh";
  document.documentElement.lang = chinese ? "zh-CN" : "en";
  document.title = chinese ? {zh} : {en};
  return language;
}}"""


class Texts:
    """Creates components and records which of their properties are texts."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, dict[str, Callable[[Language], Any]]]] = []

    def make(
        self,
        kind: Callable[..., Any],
        texts: Mapping[str, Words | Callable[[Language], Any]],
        **others: Any,
    ) -> Any:
        """Create a component.

        Args:
            kind: Gradio class of the component.
            texts: Properties that follow the visitor's language.
            **others: Properties that do not.
        """
        made = {
            name: text.__getitem__ if isinstance(text, Words) else text
            for name, text in texts.items()
        }
        component = kind(**{name: text(FIRST) for name, text in made.items()}, **others)
        self._made.append((component, made))
        return component

    @property
    def components(self) -> list[Any]:
        """The components, in the order of `updates`."""
        return [component for component, _ in self._made]

    def updates(self, language: Language) -> list[Any]:
        """The texts of all components in one language, in the order of `components`."""
        return [
            gr.update(**{name: text(language) for name, text in made.items()})
            for _, made in self._made
        ]


def connect_language_switch(demo: gr.Blocks, switch: gr.Radio, page: Texts, title: Words) -> None:
    """Connect `switch` to the texts of the page, separately for each visitor.

    The page starts in the language last chosen in this browser, or else in the browser's
    own language.
    """
    # The secret only keeps gradio from making another one at each start.
    chosen_before = gr.BrowserState(
        "",
        storage_key="assistant-language",
        secret="language",  # noqa: S106 (nothing secret is stored)
    )

    def first_language(remembered: str, request: gr.Request) -> Language:
        if remembered in ("zh", "en"):
            return "zh" if remembered == "zh" else "en"
        return language_from_header(request.headers.get("accept-language", ""))

    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    quoted = {language: _quoted(text) for language, text in title}
    set_language = _SET_LANGUAGE.format(**quoted)
    loaded = demo.load(first_language, chosen_before, switch, **quick)
    loaded.then(None, switch, js=set_language, queue=False)  # FIRST causes no change event
    switch.change(page.updates, switch, page.components, js=set_language, **quick)
    switch.input(lambda language: language, switch, chosen_before, **quick)


def _quoted(text: str) -> str:
    """A JavaScript string literal that is also safe inside HTML."""
    return json.dumps(text).replace("<", "\\u003c")
