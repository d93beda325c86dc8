"""Serves the page: `kb-assistant serve` from a checkout, and the entry of a Gradio Space."""

if __name__ == "__main__":
    from assistant.commands.command_line import run
    from assistant.commands.serve import main

    run(main)
