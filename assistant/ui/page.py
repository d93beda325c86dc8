"""Serves the page of an application until it is stopped."""

from __future__ import annotations

from assistant import chat_models
from assistant.application import Application
from assistant.indexing import running_build
from assistant.ui.examples import Examples
from assistant.ui.layout import build_demo
from assistant.ui.serving import serve


def serve_page(application: Application, examples: Examples | None = None) -> None:
    """Build the page and serve it; raises what `serve` raises.

    Args:
        application: Answers the questions.
        examples: Questions offered at the start; None: the built-in ones that fit.
    """
    settings = application.settings
    demo = build_demo(
        application.chain,
        lambda: application.retriever.manifest,
        building=lambda: running_build(settings.db_folder),
        title=settings.title,
        model_name=application.model_name,
        examples=examples,
        concurrency=chat_models.default_concurrency(application.chat_model_choice, settings),
    )
    serve(
        demo,
        host=settings.host,
        port=settings.port,
        root_path=settings.root_path,
        share=settings.share,
        share_timeout_seconds=settings.share_timeout_seconds,
    )
