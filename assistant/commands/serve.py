"""Serve the page until Ctrl-C."""

import threading

from assistant.commands.command_line import parser, settings_for

# What is heavy is imported where it is used: processes that parse files import this file.


def main() -> int:
    """Serve the page until it is stopped, which ends it with 130."""
    settings = settings_for(parser(__doc__, prints_json=False).parse_args())
    from assistant import startup
    from assistant.application import Application
    from assistant.indexing.background import missing_sources_added

    try:
        startup.check_settings(settings)
        from assistant.ui import own_examples, serve_page

        examples = own_examples(settings.sources_file)
        application = Application(settings)
        with missing_sources_added(settings, lambda: application.embedder):
            startup.tell_index(settings.db_folder)
            # While the page is made, so that the first question does not wait for it.
            threading.Thread(target=application.embedder.load, daemon=True).start()
            serve_page(application, examples)
    except KeyboardInterrupt:
        return 130
    return 0
