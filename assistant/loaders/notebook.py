"""Turns Jupyter notebooks into Markdown: text cells unchanged, code fenced, no outputs."""

from __future__ import annotations

import json
import re
from typing import Any

from assistant.documents import LoadedDocument, SourceFile
from assistant.loaders.markdown import load_markdown
from assistant.loaders.reading import unreadable

_FENCE = re.compile(r"`{3,}")


def load_notebook(file: SourceFile, text: str) -> LoadedDocument:
    """Load the cells of a notebook as one page.

    Raises:
        UnreadableFileError: The file is not a notebook.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable("damaged", file, "a notebook, which is JSON") from error
    if not isinstance(content, dict):
        raise unreadable("damaged", file, "a notebook with cells")
    language = _language(content)
    cells = [_cell(cell, language) for cell in _cells(content)]
    page = "\n\n".join(cell for cell in cells if cell)
    return load_markdown(file, page + "\n", converted=True)


def _cells(content: dict[str, Any]) -> list[Any]:
    """Cells of a notebook in format 4, or of the worksheets in format 3."""
    cells = content.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = content.get("worksheets")
    return [
        cell
        for sheet in (sheets if isinstance(sheets, list) else [])
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
        for cell in sheet["cells"]
    ]


def _language(content: dict[str, Any]) -> str:
    value: Any = content
    for key in ("metadata", "language_info", "name"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value.isalnum() else "python"


def _cell(cell: Any, language: str) -> str:
    if not isinstance(cell, dict):
        return ""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str) or not source.strip():
        return ""
    source = source.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if cell.get("cell_type") == "markdown":
        return source
    if cell.get("cell_type") == "heading":  # format 3
        return f"{'#' * _level(cell.get('level'))} {source}"
    if cell.get("cell_type") != "code":
        return ""
    fence = max(_FENCE.findall(source), key=len, default="``")
    return f"{fence}`{language}\n{source}\n{fence}`"


def _level(level: Any) -> int:
    return min(6, max(1, level)) if isinstance(level, int) else 1
