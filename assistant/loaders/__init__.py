"""Loads files of every supported format as structured text.

One module per format turns text into blocks; `reading` decodes bytes, `conversion` handles
formats that have to be converted to Markdown, and `noise` detects lines without readable text.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from assistant.documents import LoadedDocument, SourceFile
from assistant.language import has_words, readable
from assistant.loaders.conversion import FORMATS, load_converted
from assistant.loaders.markdown import load_markdown
from assistant.loaders.notebook import load_notebook
from assistant.loaders.plain_text import is_requirements, is_vocabulary, load_plain_text
from assistant.loaders.python_code import load_python
from assistant.loaders.reading import read_text, unreadable
from assistant.loaders.restructuredtext import load_restructuredtext

__all__ = ["load"]

_LOADERS = {
    ".md": load_markdown,
    ".markdown": load_markdown,
    ".mdx": load_markdown,
    ".rst": load_restructuredtext,
    ".ipynb": load_notebook,
    ".py": load_python,
}


def load(file: SourceFile, *, conversion_seconds: float = 60) -> LoadedDocument:
    """Load a file; its suffix decides the format.

    Args:
        file: The file to load; it is read once.
        conversion_seconds: Time limit for converting HTML, DOCX, PPTX, PDF or EPUB.

    Raises:
        UnreadableFileError: The file has no text that can be indexed; `reason` says why.
    """
    document = _load(file, PurePosixPath(file.path).suffix.lower(), conversion_seconds)
    document = replace(document, text=readable(document.text), title=readable(document.title))
    lines = document.text.split("\n")
    for block in document.blocks:
        if any(map(has_words, lines[block.start_line - 1 : block.end_line])):
            return document
    raise unreadable("no text", file, "words, not only images, tags and rules")


def _load(file: SourceFile, suffix: str, conversion_seconds: float) -> LoadedDocument:
    if suffix in FORMATS:
        return load_converted(file, suffix, limit_seconds=conversion_seconds)
    text = read_text(file)
    if suffix not in (".ipynb", ".py") and is_vocabulary(text):
        raise unreadable("vocabulary list", file, "prose, not a list of tokens")
    if suffix == ".txt" and is_requirements(file.path, text):
        raise unreadable("requirements list", file, "prose, not a list of packages")
    return _LOADERS.get(suffix, load_plain_text)(file, text)
