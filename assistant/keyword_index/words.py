"""A text to the words that keyword search compares; knows nothing of indexes.

Chinese is cut by jieba in its search mode. Identifiers stay whole, in a form in which
`--cache-max-entry-count` and `cache_max_entry_count` are the same, and are also split at
separators, capitals and digits. Width and case are folded, traditional characters become
simplified, English words lose their endings.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

import opencc
import rjieba
import Stemmer

# To be raised when the same text gives other words, the same chunk other counts (`counts`) or
# the same page other passages (`glossary`, `pages.sections`): builds keep all of them.
WORDS_VERSION = 2

_RUN = re.compile(
    r"(?P<identifier>[^\W\u3400-\u9fff]+(?:[-./+:@][^\W\u3400-\u9fff]+)*)"
    r"|(?P<han>[\u3400-\u9fff]+)"
)
_SEPARATOR = re.compile(r"[-_./+:@]+")
# Between a small and a capital letter, before the last capital of a run, and behind digits.
_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=[A-Za-z])")
_NUMBERED = re.compile(r"([A-Za-z]{3,})\d+")
_LONGEST = 64  # characters; longer runs are data, not words

# Words that every question has and that say nothing of its subject.
_ENGLISH = (
    "a an the of to in on at by for from with and or not is are was were be been being am do does "
    "did doing done have has had having i you he she it we they me my mine your yours his her its "
    "our ours their theirs this that these those there here what which who whom whose when where "
    "why how can could will would shall should may might must if then than so as but about into "
    "over after before any some all no nor only own same too very just also up out more most "
    "other such again once please pls want wants wanted need needs get gets got let lets give "
    "tell know say says like thanks hi hello s t ll re ve d m am ok"
)
_CHINESE = (
    "的 了 吗 呢 吧 啊 呀 嘛 哦 么 是 在 有 和 与 或 及 也 都 就 还 又 再 很 太 最 更 被 把 让 给 "
    "对 从 到 向 于 以 为 之 其 这 那 这个 那个 这些 那些 这种 那种 这样 那样 哪 哪个 哪些 哪种 "
    "哪里 什么 啥 怎么 怎样 怎么样 如何 咋 为什么 为啥 多少 几 几个 谁 我 你 您 他 她 它 我们 "
    "你们 他们 它们 咱 咱们 自己 大家 请 请问 麻烦 想 想要 要 需要 可以 能 能够 会 应该 得 不 没 "
    "没有 不要 别 一个 一下 一些 个 些 种 次 的话 时候 时 里 上 下 中 后 前 来 去 说 看 用 做 弄 "
    "跟 但 但是 而 如果 因为 所以 然后 那么 只 才 吗 嗯 知道 告诉 是不是 有没有 能不能 可不可以 "
    "到底 究竟 怎么办 咋办"
)
ENGLISH_STOP, _CHINESE_STOP = frozenset(_ENGLISH.split()), frozenset(_CHINESE.split())


def words(text: str) -> list[str]:
    """The words of a text in order, with repetitions; an identifier's parts follow its whole."""
    found: list[str] = []
    for match in _RUN.finditer(_fold_width(text)):
        run = match[0]
        if match.lastgroup == "han":
            found += _chinese(run)
        elif len(run) <= _LONGEST:
            found += _identifier(run)
        else:  # an address or a path; its parts are words
            for part in _SEPARATOR.split(run):
                found += _identifier(part) if len(part) <= _LONGEST else ()
    return found


def _fold_width(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _chinese(run: str) -> list[str]:
    simplified = _simplifier().convert(run)
    return [word for word in rjieba.cut_for_search(simplified) if word not in _CHINESE_STOP]


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
    """Whether a part of a word says something alone: `W4` does, `Lo` in `LoRA` does not."""
    return len(piece) > 2 or (len(piece) == 2 and not piece.isalpha() and not piece.isdigit())


def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word)) if word.isalpha() else word
