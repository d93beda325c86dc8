"""Each room imports only from rooms before it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import assistant

PACKAGE = Path(assistant.__file__).parent
ROOMS = [
    "project",
    "toml",
    "errors",
    "environment",
    "settings",
    "progress",
    "cancellation",
    "documents",
    "language",
    "processes",
    "sources",
    "loaders",
    "splitter",
    "embeddings",
    "model_hub",
    "keywords",
    "index",
    "indexing",
    "chat_models",
    "retriever",
    "answering",
    "evaluation",
    "reports",
    "application",
    "contract",
    "door",
    "startup",
    "ui",
    "commands",
]
# The one place that joins the rooms, the page included.
ALLOWED = {("application", "ui")}


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(file: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("assistant"):
            parts = (node.module or "").split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {n.name.split(".")[1] for n in node.names if n.name.startswith("assistant.")}
    return rooms


def test_the_package_docstring_lists_the_rooms_in_order() -> None:
    assert ", ".join(ROOMS) in " ".join((assistant.__doc__ or "").split())


@pytest.mark.parametrize(
    "file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE))
)
def test_imports_only_from_rooms_before(file: Path) -> None:
    room = room_of(file)
    if room == "__init__":
        return
    before = set(ROOMS[: ROOMS.index(room) + 1])
    late = {name for name in imported_rooms(file) - before if (room, name) not in ALLOWED}
    assert not late


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: file.name)
def test_every_module_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
