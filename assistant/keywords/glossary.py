"""Learns translations of words from pages that exist in Chinese and English."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources

import numpy as np
from scipy import sparse

from assistant.documents import Chunk
from assistant.keywords.pages import sections, translated_pages
from assistant.keywords.words import WORDS_VERSION, words
from assistant.language import HAN

Glossary = Mapping[str, Sequence[tuple[str, float]]]
# The aligned passages of a page, each with its Chinese and its English words.
Passages = Sequence[tuple[Sequence[str], Sequence[str]]]

_PARAGRAPH = re.compile(r"\n\s*\n")
_MOST = 3  # translations per word
_LEAST_TOGETHER = 2.0
_LEAST_DICE = 0.25
_SEED_STRENGTH = 0.6  # strength of a pair in terms.tsv, the same as of a well-learned pair


def learn_glossary(pages: Iterable[Passages]) -> dict[str, list[tuple[str, float]]]:
    """Learn translations of words in both directions.

    Pairs of words are associated by Dice's coefficient of their occurrences in sections and
    the translations of these (Smadja et al., Computational Linguistics 22(1), 1996). Common
    computing terms that cannot be learned from the pages come from `terms.tsv`.

    Returns:
        Word -> translations with their strength from 0 to 1, strongest first.
    """
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for word, other, dice in _associated([pair for page in pages for pair in page]):
        found[word][other] = found[other][word] = round(dice, 3)
    for word, other in _seeds():
        found[word].setdefault(other, _SEED_STRENGTH)
        found[other].setdefault(word, _SEED_STRENGTH)
    return {word: strongest(others) for word, others in sorted(found.items())}


def _associated(pairs: Passages) -> Iterator[tuple[str, str, float]]:
    """Words that often occur in the two halves of a pair, with their Dice coefficient."""
    if not pairs:
        return
    chinese, chinese_words = _occurrences([pair[0] for pair in pairs])
    english, english_words = _occurrences([pair[1] for pair in pairs])
    # A long passage is weaker evidence for each of its pairs.
    shares = np.array([1 / max(1.0, (len(pair[1]) / 16) ** 0.5) for pair in pairs])
    together = (chinese.T @ sparse.diags_array(shares) @ english).tocoo()
    apart = chinese.sum(axis=0)[together.row] + english.sum(axis=0)[together.col]
    dice = 2 * together.data / apart
    for pair in np.flatnonzero((together.data >= _LEAST_TOGETHER) & (dice >= _LEAST_DICE)):
        row, column = together.row[pair], together.col[pair]
        yield chinese_words[row], english_words[column], float(dice[pair])


def _occurrences(texts: Sequence[Sequence[str]]) -> tuple[sparse.csr_array, list[str]]:
    """A (texts, words) matrix of 0 and 1, and the words."""
    names = sorted(set().union(*texts))
    number = {word: column for column, word in enumerate(names)}
    rows = [row for row, text in enumerate(texts) for _ in text]
    columns = [number[word] for text in texts for word in text]
    shape = (len(texts), len(names))
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape), names


def strongest(others: Mapping[str, float]) -> list[tuple[str, float]]:
    """The strongest translations of a word, strongest first."""
    return sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST]


def aligned_pages(
    files: Mapping[str, list[Chunk]], kept: Mapping[str, Passages]
) -> dict[str, Passages]:
    """Align the passages of each page that exists in both languages.

    Args:
        files: Address -> chunks of each file.
        kept: Result of an earlier build; its pages are not segmented again.

    Returns:
        Key of a page's content -> its passages.
    """
    return {
        key: kept[key] if key in kept else list(_aligned(chinese, english))
        for chinese, english in translated_pages(files)
        for key in [_key(chinese, english)]
    }


def _key(chinese: Sequence[Chunk], english: Sequence[Chunk]) -> str:
    parts = [str(WORDS_VERSION), *(chunk.id for chunk in (*chinese, *english))]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _aligned(
    chinese: Sequence[Chunk], english: Sequence[Chunk]
) -> Iterator[tuple[list[str], list[str]]]:
    """The Chinese and English words of aligned passages."""
    left, right = sections(chinese), sections(english)
    pairs = [("\n".join(left), "\n".join(right))]
    if len(left) == len(right):
        pairs = [pair for both in zip(left, right, strict=True) for pair in _paragraphs(*both)]
    for zh, en in pairs:
        zh_words, en_words = set(words(zh)), set(words(en))
        # English words that occur in the Chinese text are not translated there.
        only_english = (w for w in en_words - zh_words if w.isalpha() and w.isascii())
        yield sorted(word for word in zh_words if HAN.search(word)), sorted(only_english)


def _paragraphs(zh: str, en: str) -> list[tuple[str, str]]:
    left, right = _PARAGRAPH.split(zh.strip()), _PARAGRAPH.split(en.strip())
    return list(zip(left, right, strict=True)) if len(left) == len(right) else [(zh, en)]


def _seeds() -> Iterator[tuple[str, str]]:
    text = resources.files("assistant.keywords").joinpath("terms.tsv").read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            chinese, english = line.split("\t")
            for word in words(chinese)[-1:]:
                for other in words(english):
                    yield word, other
