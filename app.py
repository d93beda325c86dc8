"""Serves the page: `kb-assistant serve` from a checkout, and the entry of a Gradio Space."""

from __future__ import annotations

if __name__ == "__main__":
    from assistant.commands.command_line import run
    from assistant.commands.serve import main

    run(main)
