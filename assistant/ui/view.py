"""New values for the components of the page, and the form in which Gradio takes them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from assistant.ui.conversation import Conversation, Message

Updates = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """The components that the handlers update."""

    conversation: Any
    chat: Any
    sources: Any
    box: Any
    send: Any
    stop: Any

    def components(self) -> list[Any]:
        """All components, in no particular order."""
        return [getattr(self, part.name) for part in fields(self)]


@dataclass(frozen=True, slots=True)
class View:
    """New values for the page's components; None leaves a component unchanged."""

    conversation: Conversation | None = None
    chat: list[Message] | None = None
    sources: str | None = None
    box: str | None = None
    running: bool | None = None

    def updates(self, shown: Shown) -> Updates:
        """Updates for Gradio: a new value for each component that changes.

        Values are wrapped in `gr.update`, because Gradio keeps every plain value that follows a
        skipped update for the lifetime of the session.
        """
        values = {
            shown.conversation: self.conversation,
            shown.chat: self.chat,
            shown.sources: self.sources,
            shown.box: self.box,
        }
        updates = {
            part: gr.update(value=value) for part, value in values.items() if value is not None
        }
        if self.running is not None:
            updates[shown.send] = gr.update(visible=not self.running)
            updates[shown.stop] = gr.update(visible=self.running)
        return updates or gr.skip()
