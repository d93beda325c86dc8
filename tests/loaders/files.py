"""Makes files of a source in a temporary folder."""

from __future__ import annotations

from pathlib import Path

from assistant.documents import LoadedDocument, Source, SourceFile
from assistant.loaders import load


def source_file(folder: Path, path: str, content: str | bytes) -> SourceFile:
    location = folder / path
    location.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    location.write_bytes(data)
    return SourceFile(Source("docs", folder=folder), path, location, "c0ffee")


def loaded(folder: Path, path: str, content: str | bytes) -> LoadedDocument:
    return load(source_file(folder, path, content))


def shape(document: LoadedDocument) -> list[tuple[str, int, int]]:
    return [(block.kind, block.start_line, block.end_line) for block in document.blocks]
