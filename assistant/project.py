"""Tells the folder that relative paths start from, and how commands are called there."""

from pathlib import Path

_BESIDE_PACKAGE = Path(__file__).resolve().parent.parent
IN_CHECKOUT = (_BESIDE_PACKAGE / "app.py").is_file() or (
    _BESIDE_PACKAGE / "knowledge" / "sources.toml"
).is_file()

# An installed package lies in no checkout; it works in the folder where it is started.
PROJECT_FOLDER = _BESIDE_PACKAGE if IN_CHECKOUT else Path.cwd()


def as_typed(command: str) -> str:
    """What a person types for a command of `kb-assistant` such as `build-index`."""
    if IN_CHECKOUT:
        return f"python scripts/{command.replace('-', '_')}.py"
    return f"kb-assistant {command}"
