"""Serves the page of an application until it is stopped."""

from __future__ import annotations

import gradio as gr

from assistant import chat_models
from assistant.application import Application
from assistant.indexing import running_build
from assistant.ui.examples import Examples
from assistant.ui.layout import build_demo
from assistant.ui.serving import serve


def page_of(application: Application, examples: Examples | None = None) -> gr.Blocks:
    """The page, not yet served.

    Args:
        application: Answers the questions.
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
        concurrency=chat_models.default_concurrency(application.chat_model_choice, settings),
    )


def serve_page(application: Application, examples: Examples | None = None) -> None:
    """Serve `page_of` until the program is stopped; raises what `serve` raises."""
    settings = application.settings
    serve(
        page_of(application, examples),
        host=settings.host,
        port=settings.port,
        root_path=settings.root_path,
        share=settings.share,
        share_timeout_seconds=settings.share_timeout_seconds,
    )
