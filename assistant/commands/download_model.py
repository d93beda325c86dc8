"""Download a model, or one of its files, from the first hub that gives it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.application import Application
from assistant.commands.command_line import parser, print_json, settings_for
from assistant.commands.terminal_progress import TerminalProgress, say
from assistant.model_hub import CatalogueModel, ModelHub


def main() -> int:
    """Download, or print the catalogue."""
    arguments_parser = parser(__doc__)
    arguments_parser.add_argument(
        "name", nargs="?", metavar="MODEL", help="a name of --list, or owner/name on a hub"
    )
    arguments_parser.add_argument("--file", metavar="NAME", help="only this file of the model")
    arguments_parser.add_argument("--list", action="store_true", help="show the known models")
    arguments_parser.add_argument(
        "--defaults",
        action="store_true",
        help="the embedder and the chat model that fits this machine",
    )
    arguments = arguments_parser.parse_args()
    if [arguments.name is not None, arguments.list, arguments.defaults].count(True) != 1:
        arguments_parser.error("give one of MODEL, --list and --defaults")
    if arguments.file is not None and arguments.name is None:
        arguments_parser.error("--file needs a MODEL")
    settings = settings_for(arguments)
    application = Application(settings, TerminalProgress())
    hub = application.hub
    if arguments.list:
        _list(hub, as_json=arguments.json)
        return 0
    for name, file in _wanted(arguments, application):
        started = time.perf_counter()
        path = hub.fetch_file(name, file) if file else hub.fetch(name)
        result = {"model": name, "file": file, **_facts(path, time.perf_counter() - started)}
        say(f"{name}: {path}")
        if arguments.json:
            print_json(result)
    return 0


def _wanted(
    arguments: argparse.Namespace, application: Application
) -> Iterator[tuple[str, str | None]]:
    if not arguments.defaults:
        yield arguments.name, arguments.file
        return
    yield application.settings.embedder, None
    choice = application.chat_model_choice
    if choice.backend != "openai_compatible":
        yield choice.model, None


def _facts(path: Path, seconds: float) -> dict[str, Any]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return {"path": str(path), "bytes": size, "seconds": round(seconds, 3)}


def _list(hub: ModelHub, *, as_json: bool) -> None:
    rows = [_row(model, hub.has(model.name)) for model in hub.catalogue.values()]
    if as_json:
        for row in rows:
            print_json(row)
        return
    table = [("name", "kind", "backend", "MB", "licence", "hubs", "here", "note")]
    for row in rows:
        size = "" if row["bytes"] is None else f"{row['bytes'] / 1e6:.0f}"
        columns = (row["name"], row["kind"], row["backend"], size, row["license"])
        table.append((*columns, ",".join(row["hubs"]), "yes" if row["here"] else "", row["note"]))
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]) - 1)]
    for line in table:
        cells = (text.ljust(width) for text, width in zip(line, [*widths, 0], strict=True))
        print("  ".join(cells).rstrip())


def _row(model: CatalogueModel, here: bool) -> dict[str, Any]:
    return {
        "name": model.name,
        "kind": model.kind,
        "backend": model.backend,
        "bytes": model.size,
        "license": model.license,
        "context_tokens": model.context_tokens,
        "hubs": list(model.hubs),
        "here": here,
        "note": model.note,
    }
