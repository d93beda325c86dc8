"""Serves the page of an application until it is stopped."""

from __future__ import annotations

from assistant.application import Application
from assistant.door import Door, health_route
from assistant.indexing import running_build
from assistant.ui.examples import read_examples
from assistant.ui.handlers import Limits
from assistant.ui.layout import build_demo
from assistant.ui.serving import serve


def serve_page(application: Application) -> None:
    """Build the page and serve it; raises what `serve` raises."""
    settings = application.settings
    examples_file = settings.sources_file.with_name("examples.toml")
    door = Door.of(settings, routes=[health_route(application)])
    demo = build_demo(
        application.chain,
        lambda: application.retriever.manifest,
        building=lambda: running_build(settings.db_folder),
        title=settings.title,
        model_name=application.model_name,
        examples=read_examples(examples_file) if examples_file.is_file() else None,
        visitors=door.visitors,
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
    serve(
        demo,
        host=settings.host,
        port=settings.port,
        root_path=settings.root_path,
        door=door,
        installable=bool(settings.space_id),
        share=settings.share,
        share_timeout_seconds=settings.share_timeout_seconds,
    )
