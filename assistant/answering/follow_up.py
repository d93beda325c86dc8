"""A question that leans on the turn before, made to stand alone; knows nothing of indexes.

By rules, which cost nothing: most questions stand alone and pass as they are, others get
the words of the question before. A language model does it better where it is fast.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import rjieba
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from assistant.answering.control_tokens import neutralised, restored
from assistant.documents import Turn
from assistant.keywords.words import words

# It begins as the continuation of something.
_OPENS = re.compile(
    r"\s*(?:(?P<word>[那换再])|还有|另外|以及|然后|接着|所以|为什么呢|为啥呢|如果是|要是|"
    r"(?:and|or|but|so|then|also|still|same|what about|how about|what if|why not|mine|yours)"
    r"(?![-\w])|(?:ok|okay|great|thanks)(?:\s*[^-\s\w]|\s+(?:and|but|so|then|now|what|how|please|"
    r"explain|can)\b)|"
    r"why\s*\??$)",
    re.IGNORECASE,
)
# Words, as jieba cuts them, that continue; 那不勒斯, 换行符 and 再审 are others.
_CONTINUES = re.compile(
    r"那[么得能有要就会是还该好]?|换(?:[个成到做作用为一种张台块套款]|句话说)?|"
    r"再[大小多少高低快慢说问来加有者次]?"
)
# It names what was named before; in a long question that may be in the question itself.
_POINTS = re.compile(
    r"它|他们|这个|那个|这种|那种|这样|那样|这些|那些|这里|那里|这边|那边|这俩|这两|那两|这么|上面|上述|前面|"
    r"刚才|刚刚|之前说|你说的|前者|后者|第[一二三]种|另一|两者|其中|同样|相反|反过来|换成|对应的|"
    r"(?<![和与跟及])其[他它]|也(?!门|许|就是)"
    r"|\b(?:its?|they|them|their|theirs|mine|those|these|ones?(?![\s-]+[a-z])|"
    r"the (?:[\w.-]+ ){1,2}one|instead|either|both|above|previous(?:ly)?|said|mentioned|then|"
    r"(?<!is )(?<!are )(?<!was )there|too|"
    r"the (?:first|second|third|last|next)(?! [\w-]+ (?:of|to|in|for|when)\b)|"
    r"the (?:other|same|former|latter)|that|this)\b",
    re.IGNORECASE,
)
# "How long does it take to …", "is it possible to …", "how do I know that …": nothing is named.
_EMPTY = re.compile(
    r"\bit (?=(?:takes?|possible|safe|important|necessary|better|best|ok|okay|worth|legal|allowed|"
    r"normal|common|required|recommended|hard|difficult|easy|enough|useful|fine) (?:to|that|if)\b)"
    r"|(?:(?<=\b(?:know|tell|sure|says|mean) )|(?<=\b(?:means|think) )|(?<=\bso ))that\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"什么|啥|怎|如何|哪|多少|几|吗|为何|咋|\b(?:what|how|which|where|who|when|why)\b",
    re.IGNORECASE,
)
# "lmdeploy 那个 …" names, and does not point.
_TOPIC_THERE = re.compile(r"(?<=[A-Za-z0-9])\s*那[个种]")
_LATIN = re.compile(r"[A-Za-z0-9_]+(?:[-./+:@][A-Za-z0-9_]+)*")
_MEASURE = re.compile(r"\d.*|[A-Za-z]\d+[A-Za-z]?")  # 4bit, 20B, A100: no names of a subject
_HAN = re.compile(r"[\u3400-\u9fff]")
_FEW = 3  # words; a question of fewer says too little alone
_FEW_UNNAMED = 5  # as above, of one without a name in Latin letters where others have one
_TURNS = 3  # how far back
_LONGEST = 300  # characters of a rewritten question; more is not a question

_REWRITE = (
    "Rewrite the last question of a conversation so that it can be understood alone. Keep its "
    "language, names, numbers and options. Answer with the question only. If it can be "
    "understood alone already, repeat it.\n"
    "把对话的最后一个问题改写成可以单独理解的问题，保持原来的语言、名称、数字和选项，只输出问题本身。"
)


def leans_on_history(question: str, history: Sequence[Turn]) -> bool:
    """Whether the words of a question show that it is about something said before.

    In some fields, such as law, subjects have no names in Latin letters. A Chinese question
    without one says too little only where one before had such a name.
    """
    named_before = any(_is_named(turn.question) for turn in history[-_TURNS:])
    plain = _EMPTY.sub("", _TOPIC_THERE.sub(" ", question))
    if _opens(plain):
        return True
    if points := _POINTS.search(plain):
        before = plain[: points.start()]
        if _said(before) < _enough(before, named_before):
            return True
    named, asks = _is_named(plain), bool(_ASKS.search(plain))
    if plain.rstrip(" ?？。").endswith("呢") and not asks:
        return True
    return _said(plain) < _enough(plain, named_before) and not (named and asks)


def _opens(text: str) -> bool:
    opening = _OPENS.match(text)
    if opening is None or not opening["word"]:
        return opening is not None
    return bool(_CONTINUES.fullmatch(rjieba.cut(text[opening.start("word") :])[0]))


def _enough(text: str, named_before: bool) -> int:
    unnamed = named_before and _HAN.search(text) and not _is_named(text)
    return _FEW_UNNAMED if unnamed else _FEW


def _said(text: str) -> int:
    """Number of different words that tell something; an identifier is one."""
    names = {name.casefold() for name in _LATIN.findall(text) if words(name)}
    return len(names) + len(set(words(_LATIN.sub(" ", text))))


def _is_named(text: str) -> bool:
    return any(words(name) and not _MEASURE.fullmatch(name) for name in _LATIN.findall(text))


def standalone_by_rules(question: str, history: Sequence[Turn]) -> str:
    """The question, behind the ones it leans on where it does."""
    parts = [question]
    before = list(history[-_TURNS:])
    while before and leans_on_history(parts[0], before):
        parts.insert(0, before.pop().question)
    return " ".join(parts)


def standalone_by_model(question: str, history: Sequence[Turn], model: BaseChatModel) -> str:
    """The question as a language model rewrites it; takes the time of a short answer.

    Only questions that lean on the turn before are rewritten. What the model writes is
    not taken where it is empty or far too long.

    Raises:
        ChatModelError: The model failed.
    """
    if not history or not leans_on_history(question, history):
        return question
    lines = [f"Q: {turn.question}\nA: {turn.answer[:_LONGEST]}" for turn in history[-_TURNS:]]
    talk = neutralised("\n".join([*lines, f"Last question: {question}"]))
    written = model.invoke([SystemMessage(_REWRITE), HumanMessage(talk)], max_tokens=120)
    rewritten = restored(str(written.text)).strip()
    return rewritten if 0 < len(rewritten) <= _LONGEST else standalone_by_rules(question, history)
