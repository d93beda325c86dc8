"""Builds and serves the page of an application."""

from __future__ import annotations

import gradio as gr

from assistant.application import Application
from assistant.door import Door, health_route
from assistant.indexing import running_build
from assistant.ui.examples import Examples
from assistant.ui.handlers import Limits
from assistant.ui.layout import build_demo
from assistant.ui.serving import start, wait


def page_of(
    application: Application, door: Door | None = None, examples: Examples | None = None
) -> gr.Blocks:
    """Build the page without serving it.

    Args:
        application: Answers the questions.
        door: Counts visitors' questions; None: no counting.
        examples: Example questions; None: the built-in ones that fit the index.
    """
    settings = application.settings
    return build_demo(
        application.chain,
        lambda: application.retriever.manifest,
        building=lambda: running_build(settings.db_folder),
        title=settings.title,
        model_name=application.model_name,
        examples=examples,
        visitors=door.visitors if door else None,
        limits=Limits(
            question_chars=settings.max_question_chars,
            turns=settings.conversation_turns,
            listener_seconds=settings.listener_seconds,
        ),
        # One more than may wait, so that the writing slots reject it with the reason.
        most_answers=application.slots.at_once + settings.max_waiting_questions + 1,
        conversation_hours=settings.conversation_hours,
        max_conversations=settings.max_conversations,
    )


def serve_page(application: Application, examples: Examples | None = None) -> None:
    """Serve the page until the program is interrupted.

    Raises:
        ServerError: The address or port cannot be listened on.
        KeyboardInterrupt: The program was interrupted; the page is closed by then.
    """
    settings = application.settings
    door = Door.of(settings, routes=[health_route(application)])
    demo = page_of(application, door, examples)
    start(
        demo,
        host=settings.host,
        port=settings.port,
        root_path=settings.root_path,
        door=door,
        installable=bool(settings.space_id),
    )
    wait(demo, door, settings.share_timeout_seconds if settings.share else None)
