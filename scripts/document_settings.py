"""Write docs/settings.md from the settings themselves."""

from __future__ import annotations

from command_line import run, say

from assistant.settings import PROJECT_FOLDER, settings_table

_HEAD = """# Settings

Environment variables, or lines in a file `.env` in the working directory. Made by
`scripts/document_settings.py`.

"""


def main() -> int:
    """Write the file."""
    file = PROJECT_FOLDER / "docs" / "settings.md"
    file.write_text(_HEAD + settings_table(), encoding="utf-8")
    say(f"Wrote {file}")
    return 0


if __name__ == "__main__":
    run(main)
