"""Makes follow-up questions standalone.

The rules take no noticeable time: a standalone question stays unchanged, any other is
prefixed with the question before it. A chat model rewrites better, if it is fast enough.
`assistant/language/phrases.toml` lists the phrases that mark a follow-up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import rjieba
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from assistant.answering.control_tokens import neutralised, restored
from assistant.documents import Turn
from assistant.keywords.words import words
from assistant.language import HAN, pattern_of

_LATIN = re.compile(r"[A-Za-z0-9_]+(?:[-./+:@][A-Za-z0-9_]+)*")
_MEASURE = re.compile(r"\d.*|[A-Za-z]\d+[A-Za-z]?")  # 4bit, 20B, A100: not names of a subject
_FEW = 3  # words; a shorter question is not understood alone
_FEW_UNNAMED = 5  # words; the same for a question without a Latin name that follows one with it
_TURNS = 3  # earlier turns considered
_LONGEST = 300  # characters in a rewritten question; anything longer is not a question

_REWRITE = (
    "Rewrite the last question of a conversation so that it can be understood alone. Keep its "
    "language, names, numbers and options. Answer with the question only. If it can be "
    "understood alone already, repeat it.\n"
    "把对话的最后一个问题改写成可以单独理解的问题，保持原来的语言、名称、数字和选项，只输出问题本身。"
)


def leans_on_history(question: str, history: Sequence[Turn]) -> bool:
    """Whether the wording of a question shows that it refers to an earlier turn.

    In some fields, such as law, subjects have no Latin names. A short Chinese question without
    a Latin name therefore counts as a follow-up only if an earlier question had one.
    """
    named_before = any(_is_named(turn.question.text) for turn in history[-_TURNS:])
    plain = pattern_of("empty").sub("", pattern_of("names").sub(" ", question))
    if _opens(plain):
        return True
    if points := pattern_of("points").search(plain):
        # In a long question, the thing referred to may be named in the question itself.
        before = plain[: points.start()]
        if _said(before) < _enough(before, named_before):
            return True
    named, asks = _is_named(plain), bool(pattern_of("asks").search(plain))
    if pattern_of("trails").search(plain) and not asks:
        return True
    return _said(plain) < _enough(plain, named_before) and not (named and asks)


def _opens(text: str) -> bool:
    text = text.lstrip()
    if pattern_of("opens").match(text):
        return True
    continues = pattern_of("continues")
    return bool(continues.match(text) and continues.fullmatch(rjieba.cut(text)[0]))


def _enough(text: str, named_before: bool) -> int:
    unnamed = named_before and HAN.search(text) and not _is_named(text)
    return _FEW_UNNAMED if unnamed else _FEW


def _said(text: str) -> int:
    """Number of distinct content words; an identifier counts as one."""
    names = {name.casefold() for name in _LATIN.findall(text) if words(name)}
    return len(names) + len(set(words(_LATIN.sub(" ", text))))


def _is_named(text: str) -> bool:
    return any(words(name) and not _MEASURE.fullmatch(name) for name in _LATIN.findall(text))


def standalone_by_rules(question: str, history: Sequence[Turn]) -> str:
    """The question, preceded by the earlier questions it depends on."""
    parts = [question]
    before = list(history[-_TURNS:])
    while before and leans_on_history(parts[0], before):
        parts.insert(0, before.pop().question.text)
    return " ".join(parts)


def standalone_by_model(
    question: str,
    history: Sequence[Turn],
    model: BaseChatModel,
    place: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> str:
    """The question as a language model rewrites it; takes the time of a short answer.

    Only questions that lean on the turn before are rewritten. What the model writes is
    not taken where it is empty or far too long.

    Args:
        question: The last one.
        history: The turns before it, oldest first.
        model: Rewrites it.
        place: Is held while it does, as an answer's place is.

    Raises:
        BusyError: Too many questions wait for a place.
        ChatModelError: The model failed.
    """
    if not history or not leans_on_history(question, history):
        return question
    lines = [f"Q: {turn.question.text}\nA: {turn.answer[:_LONGEST]}" for turn in history[-_TURNS:]]
    talk = neutralised("\n".join([*lines, f"Last question: {question}"]))
    with place():
        written = model.invoke([SystemMessage(_REWRITE), HumanMessage(talk)], max_tokens=120)
    rewritten = restored(str(written.text)).strip()
    return rewritten if 0 < len(rewritten) <= _LONGEST else standalone_by_rules(question, history)
