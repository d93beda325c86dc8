"""Writes docs/settings.md from the settings themselves."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

_HEAD = """# Settings

Environment variables, or lines in a file `.env` in the working directory. Made by
`scripts/document_settings.py`.

"""


def main() -> int:
    """Write the file."""
    from assistant.commands.terminal_progress import say
    from assistant.settings import PROJECT_FOLDER, settings_table

    file = PROJECT_FOLDER / "docs" / "settings.md"
    file.write_text(_HEAD + settings_table(), encoding="utf-8")
    say(f"Wrote {file}")
    return 0


if __name__ == "__main__":
    from assistant.commands.command_line import run

    run(main)
