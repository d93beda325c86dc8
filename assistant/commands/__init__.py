"""The commands: what `kb-assistant`, `app.py` and `scripts/` run.

Each command is a module with a `main`; what they share is in `command_line` and
`terminal_progress`.
"""
