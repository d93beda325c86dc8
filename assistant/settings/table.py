"""Table of all settings, for docs/settings.md."""

from pathlib import Path

from assistant.project import PROJECT_FOLDER
from assistant.settings.fields import Settings
from assistant.settings.reading import variables_of


def settings_table() -> str:
    """All settings as a Markdown table: variables, default, meaning."""
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        variables = ", ".join(f"`{variable}`" for variable in variables_of(name))
        default = field.default
        if isinstance(default, Path):
            default = default.relative_to(PROJECT_FOLDER)
        if isinstance(default, tuple):
            default = ",".join(default)
        shown = "" if default in (None, "") else f"`{default}`"
        lines.append(f"| {variables} | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"
