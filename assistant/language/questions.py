"""Detects the language of a question."""

from __future__ import annotations

import re

from assistant.documents import Language
from assistant.language.characters import HAN, HAN_RANGE
from assistant.language.stop_words import ENGLISH_STOP

_HAN_RUN = re.compile(f"[{HAN_RANGE}]+")
_LETTER_RUN = re.compile(r"[A-Za-z]+")
_ASKS_IN_ENGLISH = re.compile(
    r"\W*(?:what|how|which|where|when|who|why|can|could|do|does|did|is|are|should|would|will|"
    r"please|tell|explain|show|give)\b",
    re.IGNORECASE,
)
_ASKS_IN_CHINESE = re.compile(r"怎|如何|什么|吗|呢|为何|哪|多少|还是|要不要|这个|告诉|的|么")


def language_of(question: str) -> Language:
    """Detect the language of a question: Chinese if Han characters carry part of the sentence.

    A Chinese term inside an English sentence does not make it Chinese; an English error
    message followed by "怎么解决" is Chinese.
    """
    han = len(HAN.findall(question))
    words = _LETTER_RUN.findall(question)
    if not han or han * 4 < len(words):
        return "en"
    if _ASKS_IN_CHINESE.search(question):
        return "zh"
    glue = sum(word.casefold() in ENGLISH_STOP for word in words)
    terms = len(_HAN_RUN.findall(question))
    return "en" if _ASKS_IN_ENGLISH.match(question) and glue > terms else "zh"
