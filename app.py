"""Starts the assistant: settings, index, chat model, chain, page. Everything else is a room."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from assistant import startup
from assistant.application import Application
from assistant.environment import prepare_environment
from assistant.errors import AssistantError
from assistant.indexing.background import missing_sources_added
from assistant.settings import load_settings


def main() -> int:
    """Serve the page until it is stopped; 0 then, else the error's exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("assistant").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service's stop is like Ctrl-C
    try:
        prepare_environment()
        settings = load_settings()
        startup.check_settings(settings)
        from assistant.ui import own_examples, serve_page  # gradio reads the environment

        examples = own_examples(settings.sources_file)
        application = Application(settings)
        with missing_sources_added(settings, lambda: application.embedder):
            startup.tell_index(settings.db_folder)
            # While the page is made, so that the first question does not wait for it.
            threading.Thread(target=application.embedder.load, daemon=True).start()
            serve_page(application, examples)
    except AssistantError as error:
        logging.error("Error: %s", error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
