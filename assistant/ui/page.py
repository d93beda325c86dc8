"""Serves the page of an application until it is stopped."""

from __future__ import annotations

import gradio as gr

from assistant.application import Application
from assistant.door import Door, health_route
from assistant.indexing import running_build
from assistant.ui.examples import Examples
from assistant.ui.handlers import Limits
from assistant.ui.layout import build_demo
from assistant.ui.serving import serve


def page_of(
    application: Application, door: Door | None = None, examples: Examples | None = None
) -> gr.Blocks:
    """The page, not yet served.

    Args:
        application: Answers the questions.
        door: Counts the visitors; None: nobody's questions are counted.
        examples: Questions offered at the start; None: the built-in ones that fit.
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
        # One more than may wait, so that it is told why by the place that counts them.
        most_answers=application.slots.at_once + settings.max_waiting_questions + 1,
        conversation_hours=settings.conversation_hours,
        max_conversations=settings.max_conversations,
    )


def serve_page(application: Application, examples: Examples | None = None) -> None:
    """Serve `page_of` until the program is stopped; raises what `serve` raises."""
    settings = application.settings
    door = Door.of(settings, routes=[health_route(application)])
    serve(
        page_of(application, door, examples),
        host=settings.host,
        port=settings.port,
        root_path=settings.root_path,
        door=door,
        installable=bool(settings.space_id),
        share=settings.share,
        share_timeout_seconds=settings.share_timeout_seconds,
    )
