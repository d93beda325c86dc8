"""Starts the assistant: settings, index, chat model, chain, page. Everything else is a room."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from assistant.application import Application
from assistant.errors import AssistantError
from assistant.indexing.background import missing_sources_added
from assistant.settings import load_settings
from assistant.ui import serve_page


def main() -> int:
    """Serve the page until it is stopped; 0 then, else the error's exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("assistant").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service's stop is like Ctrl-C
    try:
        application = Application(load_settings())
        with missing_sources_added(application.settings, lambda: application.embedder):
            # While the page is made, so that the first question does not wait for it.
            threading.Thread(target=application.embedder.load, daemon=True).start()
            serve_page(application)
    except AssistantError as error:
        logging.error("Error: %s", error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
