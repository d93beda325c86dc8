"""Recognises language names in paths, in front matter and in links to translations."""

from __future__ import annotations

import re

from assistant.documents import Language

_CODES: dict[Language, str] = {
    "zh": r"zh(?:[-_]?(?:cn|tw|hk|hans|hant))?|cn",
    "en": r"en(?:[-_]?(?:us|gb))?",
}
_WORDS: dict[Language, str] = {"zh": "chinese", "en": "english"}
_OTHER_CODES = r"ja|jp|ko|kr|de|fr|es|pt(?:[-_]br)?|ru|it|vi|ar|fa|tr"
# Other names begin with words such as "chinese" ("chinese_quiz"), so nothing may follow these.
_IN_PATH = {
    language: re.compile(
        rf"(?:^|[/_.\-])(?:(?:{code})(?=$|[/_.\-])|{_WORDS[language]}(?=$|[/.]))", re.IGNORECASE
    )
    for language, code in _CODES.items()
}
_ANY = "|".join((*_CODES.values(), *_WORDS.values(), _OTHER_CODES))
_FOLDER = re.compile(_ANY, re.IGNORECASE)
_SUFFIX = re.compile(rf"(?P<stem>.+?)[-_.](?:{_ANY})", re.IGNORECASE)
_DECLARED: dict[Language, tuple[str, ...]] = {
    "zh": ("zh", "cn", "chinese", "中文"),
    "en": ("en", "英"),
}
_LINKED = re.compile(
    r"(?:english|en|英文版?|英语|简体中文|中文|中文版|中文文档|[繁简][體体]中文|chinese|simplified|"
    r"traditional|zh|cn|日本語|한국어|français|español|deutsch|русский|languages?|语言)$",
    re.IGNORECASE,
)


def named_in_path(path: str) -> Language | None:
    """The last language a path names: `docs/en/README_zh-CN.md` is Chinese."""
    last = {
        language: max((match.start() for match in pattern.finditer(path)), default=-1)
        for language, pattern in _IN_PATH.items()
    }
    if max(last.values()) < 0:
        return None
    return "zh" if last["zh"] > last["en"] else "en"


def begins_with(mark: str, language: Language) -> bool:
    """Whether the end of a file name, such as `_zh-CN.md`, starts with the language's name."""
    return bool(_IN_PATH[language].match(mark))


def declared(value: str) -> Language | None:
    """The language that front matter declares, such as "zh-CN" or "English"."""
    value = value.lower()
    found = (language for language, names in _DECLARED.items() if value.startswith(names))
    return next(found, None)


def without_language(address: str) -> str:
    """Remove language names from an address, so that a page and its translations are equal.

    `lmdeploy/docs/zh_cn/faq.md` and `lmdeploy/docs/en/faq.md` give the same result, and so
    do `README_zh-CN.md` and `README.md`.
    """
    *folders, name = address.split("/")
    folders = ["*" if _FOLDER.fullmatch(folder) else folder for folder in folders]
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    match = _SUFFIX.fullmatch(stem)
    return "/".join((*folders, (match["stem"] if match else stem) + dot + suffix))


def is_language_name(word: str) -> bool:
    """Whether the text of a link, such as "English" or "简体中文", names a translation."""
    return bool(_LINKED.match(word))
