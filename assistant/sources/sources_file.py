"""Reads the list of sources from a TOML file, and locates mistakes in it by line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assistant import toml
from assistant.documents import Source
from assistant.errors import SourcesFileError
from assistant.project import IN_CHECKOUT, PROJECT_FOLDER
from assistant.sources.git import without_password
from assistant.sources.links import template_fields
from assistant.sources.source_table import SourceTable

_CREATE = "Create it" if IN_CHECKOUT else "Create it with: kb-assistant init"
_ACTION = "Correct it there; the comments in knowledge/sources.toml explain how to write sources."


def read_sources(file: Path) -> tuple[Source, ...]:
    """Read the sources, in file order.

    A relative folder is resolved against the file's folder, then the project folder. The
    file is UTF-8, with or without a byte order mark.

    Raises:
        SourcesFileError: The file is missing or invalid; names the line and the key.
    """
    text = _text(file)
    try:
        content = toml.loads(text)
    except toml.TOMLDecodeError as error:
        raise _syntax_error(file, text, error) from error
    for key in content:
        if key != "source":
            raise _invalid(file, text, (key,), f"key {key!r}", "only [[source]] tables")
    tables = content.get("source")
    if not isinstance(tables, list) or not tables:
        raise _invalid(file, text, ("source",), f"source = {tables!r}", "[[source]] tables")
    sources: list[Source] = []
    for number, table in enumerate(tables):
        source = _source(file, text, number, table)
        for key, problem, expected in _contradictions(source, sources):
            raise _invalid(file, text, ("source", number, key), problem, expected)
        sources.append(source)
    return tuple(sources)


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise SourcesFileError(
            f"{file} cannot be read: {error.strerror}",
            expected='a list of sources in TOML: [[source]], then name = "documents" and '
            'folder = "/path/to/documents", each on a line of its own',
            action=f"{_CREATE}, or name another file with --sources or ASSISTANT_SOURCES_FILE.",
        ) from error
    except OSError as error:
        raise SourcesFileError(
            f"{file} cannot be read: {error.strerror}",
            expected="a list of sources in TOML",
            action="Choose another file with --sources or ASSISTANT_SOURCES_FILE.",
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SourcesFileError(
            f"{file}, line {line}: not UTF-8", expected="TOML in UTF-8", action="Save it as UTF-8."
        ) from error


def _source(file: Path, text: str, number: int, table: Any) -> Source:
    try:
        read = SourceTable.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = first["loc"][0] if first["loc"] else None
        present = isinstance(table, dict) and key in table
        got = f"key {key!r}" if present else f"source {number + 1}"
        if present and first["type"] != "extra_forbidden":
            got += without_password(f" is {first['input']!r}")
        expected = _expected(first["type"], first["msg"], str(key))
        raise _invalid(file, text, ("source", number, key), got, expected) from error
    defaults = Source(read.name)
    return Source(
        read.name,
        git=tuple(read.git or ()),
        folder=None if read.folder is None else _located(read.folder, file),
        revision=read.revision,
        include=defaults.include if read.include is None else tuple(read.include),
        exclude=defaults.exclude if read.exclude is None else tuple(read.exclude),
        link=read.link,
    )


def _expected(kind: str, message: str, key: str) -> str:
    if kind == "extra_forbidden":
        return f"only {', '.join(SourceTable.model_fields)}"
    if kind == "missing":
        return f"a key {key!r}"
    words = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return words[0].lower() + words[1:]


def _contradictions(source: Source, before: list[Source]) -> list[tuple[str, str, str]]:
    """Problems that involve more than one key or source, as (key, problem, expected)."""
    found = []
    if source.git and source.folder is not None:
        found.append(("folder", "key 'folder' together with 'git'", "only one of them"))
    if not source.git and source.folder is None:
        found.append(("", f"source {source.name!r}", "a key 'git' or a key 'folder'"))
    if source.name.casefold() in {other.name.casefold() for other in before}:
        problem = f"key 'name' is {source.name!r} for a second time"
        found.append(("name", problem, "a unique name for each source"))
    if source.folder is not None and source.revision:
        found.append(("revision", "key 'revision' with a folder", "a revision only with git"))
    if source.folder is not None and "commit" in template_fields(source.link or ""):
        problem = "key 'link' uses {commit}, but a folder has no commit"
        found.append(("link", problem, "a link without {commit}"))
    return found


def _located(folder: str, file: Path) -> Path:
    """Resolve a folder against the sources file's folder if it exists there, else the project."""
    path = Path(folder).expanduser()
    beside, in_project = file.resolve().parent / path, PROJECT_FOLDER / path
    outside = PROJECT_FOLDER not in file.resolve().parents
    if _is_folder(beside) or (outside and not _is_folder(in_project)):
        return beside.resolve()
    return in_project.resolve()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no permission; the build reports it in detail
        return False


def _syntax_error(file: Path, text: str, error: ValueError) -> SourcesFileError:
    found = re.search(r"at line (\d+)", str(error))
    lines = text.split("\n")
    line = min(int(found[1]) if found else len(lines), len(lines))
    return SourcesFileError(
        f"{file}, line {line}: {lines[line - 1].strip()!r}: {error}",
        expected="valid TOML",
        action=_ACTION,
    )


def _invalid(
    file: Path, text: str, location: tuple[Any, ...], got: str, expected: str
) -> SourcesFileError:
    line = _line_of(text, *location)
    return SourcesFileError(f"{file}, line {line}: {got}", expected=expected, action=_ACTION)


def _line_of(text: str, name: str, number: int = 0, key: str | None = None) -> int:
    """Line number, from 1, of a key in the `number`th table, or of the table if not found.

    The parser does not report lines. A line inside a multi-line string that looks like the
    key is mistaken for it.
    """
    lines = text.split("\n")
    tables = _lines_that_begin(lines, name) or [1]
    begins = tables[min(number, len(tables) - 1)]
    ends = next((line for line in tables if line > begins), len(lines) + 1)
    keys = _lines_that_begin(lines, key) if key else []
    return next((line for line in keys if begins <= line < ends), begins)


def _lines_that_begin(lines: list[str], name: str) -> list[int]:
    """Line numbers, from 1, of a key or table header, quoted or not."""
    quoted = rf"""(["']?){re.escape(name)}\1"""
    begins = re.compile(rf"\s*(?:\[\[?\s*)?{quoted}\s*[.=\]]")
    return [number for number, line in enumerate(lines, 1) if begins.match(line)]
