"""What a question is like before anything is looked up; knows nothing of indexes or models."""

from __future__ import annotations

import re

from assistant.documents import Language

_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER_RUN = re.compile(r"[A-Za-z]+")


def readable(question: str) -> str:
    """The question with a mark for each half of a character, which no tokenizer reads."""
    return question.encode("utf-8", "replace").decode("utf-8")


def language_of(question: str) -> Language:
    """Language of a question: Chinese as soon as Han characters carry part of the sentence."""
    han = len(_HAN.findall(question))
    words = len(_LETTER_RUN.findall(question))
    return "zh" if han and han * 4 >= words else "en"
