"""Detects the language of a page from its declaration, path, neighbours or words."""

from __future__ import annotations

import re
from glob import escape
from pathlib import Path

from assistant.documents import Language, SourceFile
from assistant.language.characters import HAN
from assistant.language.names import begins_with, declared, named_in_path

_LATIN = re.compile(r"[A-Za-z]")
_CHINESE_SHARE = 0.1  # Chinese pages of this field are half English words
_SAMPLE = 50_000  # characters


def page_language(file: SourceFile, declaration: str, prose: str) -> Language:
    """Detect the language of a page; the first source that gives one decides.

    The order: front matter, path, neighbouring files, prose.

    Args:
        file: Its path and the names of files in its folder are used.
        declaration: `lang` or `language` in the front matter, such as "zh-CN"; may be empty.
        prose: The document's text without code.
    """
    return (
        declared(declaration)
        or named_in_path(file.path)
        or _by_neighbour(file.location)
        or _by_words(prose)
    )


def _by_neighbour(location: Path) -> Language | None:
    """`README.md` beside `README_zh-CN.md` is English, beside `README_en.md` Chinese."""
    try:
        names = [other.name for other in location.parent.glob(f"{escape(location.stem)}[-_.]*")]
    except OSError:
        return None
    marks = [name[len(location.stem) :] for name in names if Path(name).suffix == location.suffix]
    if any(begins_with(mark, "zh") for mark in marks):
        return "en"
    if any(begins_with(mark, "en") for mark in marks):
        return "zh"
    return None


def _by_words(prose: str) -> Language:
    sample = prose[:_SAMPLE]
    han, latin = len(HAN.findall(sample)), len(_LATIN.findall(sample))
    return "zh" if han and han >= _CHINESE_SHARE * (han + latin) else "en"
