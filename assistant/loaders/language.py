"""The language of a document, Chinese or English, by its path or its words."""

from __future__ import annotations

import re
from pathlib import Path

from assistant.documents import Language, SourceFile

_CHINESE_PATH = re.compile(
    r"(?:^|[/_.\-])(?:(?:zh(?:[_-]?(?:cn|tw|hk|hans|hant))?|cn)(?=$|[/_.\-])|chinese(?=$|[/.]))",
    re.IGNORECASE,
)
_ENGLISH_PATH = re.compile(
    r"(?:^|[/_.\-])(?:en(?:[_-]?(?:us|gb))?(?=$|[/_.\-])|english(?=$|[/.]))", re.IGNORECASE
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")
_CHINESE_SHARE = 0.1  # Chinese pages of this field are half English words
_SAMPLE = 50_000


def language_of(file: SourceFile, declared: str, prose: str) -> Language:
    """What the front matter declares, else the path, else the page beside, else the prose.

    Args:
        file: Its path and its folder are looked at.
        declared: `lang` or `language` of the front matter, such as "zh-CN"; may be empty.
        prose: The document's words without code.
    """
    if declared.lower().startswith(("zh", "cn", "chinese", "中文")):
        return "zh"
    if declared.lower().startswith(("en", "英")):
        return "en"
    return _by_path(file.path) or _by_neighbour(file.location) or _by_words(prose)


def _by_path(path: str) -> Language | None:
    """The last mark in the path counts: `docs/en/README_zh-CN.md` is Chinese."""
    chinese = [match.start() for match in _CHINESE_PATH.finditer(path)]
    english = [match.start() for match in _ENGLISH_PATH.finditer(path)]
    if not chinese and not english:
        return None
    return "zh" if max(chinese, default=-1) > max(english, default=-1) else "en"


def _by_neighbour(location: Path) -> Language | None:
    """`README.md` beside `README_zh-CN.md` is English, beside `README_en.md` Chinese."""
    try:
        names = [other.name for other in location.parent.glob(f"{_escaped(location.stem)}[-_.]*")]
    except OSError:
        return None
    marks = [name[len(location.stem) :] for name in names if Path(name).suffix == location.suffix]
    if any(_CHINESE_PATH.match(mark) for mark in marks):
        return "en"
    if any(_ENGLISH_PATH.match(mark) for mark in marks):
        return "zh"
    return None


def _escaped(stem: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", stem)


def _by_words(prose: str) -> Language:
    sample = prose[:_SAMPLE]
    han, latin = len(_HAN.findall(sample)), len(_LATIN.findall(sample))
    return "zh" if han and han >= _CHINESE_SHARE * (han + latin) else "en"
