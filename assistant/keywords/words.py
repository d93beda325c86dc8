"""Segments text into the words that keyword search compares.

Chinese is segmented by jieba in search mode. Identifiers are kept whole, normalised so that
`--cache-max-entry-count` equals `cache_max_entry_count`, and are also split at separators,
capitals and digits. Width and case are folded, traditional characters are converted to
simplified ones, and English words are stemmed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

import opencc
import rjieba
import Stemmer

from assistant.language import CHINESE_STOP, ENGLISH_STOP, HAN_RANGE

# Increase this when the same text would give different words, counts (`counts`) or aligned
# passages (`glossary`, `pages.sections`), since builds reuse earlier results.
WORDS_VERSION = 2

_RUN = re.compile(
    rf"(?P<identifier>[^\W{HAN_RANGE}]+(?:[-./+:@][^\W{HAN_RANGE}]+)*)|(?P<han>[{HAN_RANGE}]+)"
)
_SEPARATOR = re.compile(r"[-_./+:@]+")
# Between a small and a capital letter, before the last capital of a run, and after digits.
_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=[A-Za-z])")
_NUMBERED = re.compile(r"([A-Za-z]{3,})\d+")
_LONGEST = 64  # characters; longer runs are data, not words


def words(text: str) -> list[str]:
    """The words of a text in order, with repetitions; an identifier precedes its parts."""
    found: list[str] = []
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text)):
        run = match[0]
        if match.lastgroup == "han":
            found += _chinese(run)
        elif len(run) <= _LONGEST:
            found += _identifier(run)
        else:  # an address or a path; its parts are words
            for part in _SEPARATOR.split(run):
                found += _identifier(part) if len(part) <= _LONGEST else ()
    return found


def _chinese(run: str) -> list[str]:
    simplified = _simplifier().convert(run)
    return [word for word in rjieba.cut_for_search(simplified) if word not in CHINESE_STOP]


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


@lru_cache(maxsize=1 << 16)
def _identifier(run: str) -> tuple[str, ...]:
    parts = [part for part in _SEPARATOR.split(run) if part]
    found = ["_".join(parts).casefold()] if len(parts) > 1 else []
    for part in parts:
        pieces = [piece for piece in _BORDER.split(part) if piece != part and _tells(piece)]
        pieces += [match[1] for piece in (part, *pieces) if (match := _NUMBERED.fullmatch(piece))]
        folded = [piece.casefold() for piece in (part, *pieces)]
        found += [_stem(piece) for piece in folded if piece not in ENGLISH_STOP]
    return tuple(dict.fromkeys(found))


def _tells(piece: str) -> bool:
    """Whether a part of a word is meaningful by itself: `W4` is, `Lo` in `LoRA` is not."""
    return len(piece) > 2 or (len(piece) == 2 and not piece.isalpha() and not piece.isdigit())


def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word)) if word.isalpha() else word
