"""Everything specific to Chinese and English.

`characters` distinguishes scripts, `stop_words` lists words without subject matter, `names`
recognises language names such as "zh-CN" in paths and front matter, `questions` and `pages`
detect the language of a text, and `phrases` loads `phrases.toml`, the patterns that reveal
whether a question continues an earlier one.
"""

from assistant.language.characters import COMMON_HAN, HAN, HAN_RANGE, has_words, readable, width_of
from assistant.language.names import is_language_name, without_language
from assistant.language.pages import page_language
from assistant.language.phrases import pattern_of
from assistant.language.questions import language_of
from assistant.language.stop_words import CHINESE_STOP, ENGLISH_STOP

__all__ = [
    "CHINESE_STOP",
    "COMMON_HAN",
    "ENGLISH_STOP",
    "HAN",
    "HAN_RANGE",
    "has_words",
    "is_language_name",
    "language_of",
    "page_language",
    "pattern_of",
    "readable",
    "width_of",
    "without_language",
]
