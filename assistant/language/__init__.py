"""What is known of Chinese and English: characters, stop words, names, and the forms of questions.

`characters` tells scripts apart, `stop_words` lists what carries no subject, `names` reads
"zh-CN" in paths and front matter, `questions` and `pages` say which language a text is in, and
`phrases` reads from `phrases.toml` how a question shows that it continues an earlier one.
"""

from __future__ import annotations

from assistant.language.characters import COMMON_HAN, HAN, HAN_RANGE, has_words, readable
from assistant.language.names import is_language_name, without_language
from assistant.language.pages import page_language
from assistant.language.phrases import Phrase, pattern_of, phrases
from assistant.language.questions import language_of
from assistant.language.stop_words import CHINESE_STOP, ENGLISH_STOP

__all__ = [
    "CHINESE_STOP",
    "COMMON_HAN",
    "ENGLISH_STOP",
    "HAN",
    "HAN_RANGE",
    "Phrase",
    "has_words",
    "is_language_name",
    "language_of",
    "page_language",
    "pattern_of",
    "phrases",
    "readable",
    "without_language",
]
