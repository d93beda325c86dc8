"""A visitor's conversation, and its rendering as chat messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.documents import Citation, Language, Question, Turn
from assistant.ui import texts
from assistant.ui.markup import answer_markup, both, plain
from assistant.ui.texts import Words

# "returned": the question was rejected and put back into the input box.
# "trimmed": a note in place of questions that were dropped from the conversation.
Status = Literal[
    "asked",
    "searching",
    "reading",
    "writing",
    "answered",
    "refused",
    "stopped",
    "failed",
    "returned",
    "trimmed",
]
RUNNING: tuple[Status, ...] = ("asked", "searching", "reading", "writing")
Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and the state of its answer.

    Attributes:
        question: As it was asked.
        status: Stage of the answer.
        passages: Passages found, with their numbers.
        text: The answer as written so far.
        cited: Numbers of the passages that the finished answer cites.
        seconds: Time since work on the question began.
        error: Sentence to show if the question failed.
        language: Language of the question.
        cut: Whether a limit ended the answer.
    """

    question: Question
    status: Status = "asked"
    passages: tuple[Citation, ...] = ()
    text: str = ""
    cited: tuple[int, ...] = ()
    seconds: float = 0.0
    error: Words | None = None
    language: Language = "en"
    cut: bool = False


Conversation = tuple[Exchange, ...]


@dataclass(slots=True)
class Visit:
    """Lets a visitor stop or clear the answer being written.

    Attributes:
        answering: Whether an answer is being written.
        wish: The visitor's request: to stop, to clear, or "" for none.
    """

    answering: bool = False
    wish: Literal["", "stop", "clear"] = ""


def is_running(conversation: Conversation) -> bool:
    """Whether the last question is still unanswered."""
    return bool(conversation) and conversation[-1].status in RUNNING


def trimmed(conversation: Conversation, most: int) -> Conversation:
    """The last `most` questions, preceded by a note if earlier ones were dropped.

    Notes that do not belong to a question are dropped as well.
    """
    asked = tuple(exchange for exchange in conversation if exchange.question.text)
    was_trimmed = any(exchange.status == "trimmed" for exchange in conversation)
    if len(asked) <= most and not was_trimmed:
        return asked
    return (Exchange(Question(""), "trimmed"), *asked[max(len(asked) - most, 0) :])


def turns(conversation: Conversation) -> list[Turn]:
    """The conversation as history for the chain: only questions with finished answers."""
    return [Turn(e.question, e.text) for e in conversation if e.status == "answered"]


def messages(conversation: Conversation, first: int = 0) -> list[Message]:
    """Chat messages in HTML; `first` is the index of the first exchange."""
    return [
        message
        for place, exchange in enumerate(conversation, start=first)
        for message in _pair(exchange, place)
    ]


def _pair(exchange: Exchange, place: int) -> Sequence[Message]:
    # Gradio dedents messages like docstrings; character references survive that.
    reply = {"role": "assistant", "content": _reply(exchange, place).replace("\t", "&#9;")}
    if not exchange.question.text:
        return (reply,)
    asked = plain(exchange.question.text).replace("\t", "&#9;").replace("\n", "&#10;")
    return {"role": "user", "content": f'<div class="question">{asked}</div>'}, reply


def _reply(exchange: Exchange, place: int) -> str:
    parts: list[str] = []
    if exchange.text:
        numbers = [passage.number for passage in exchange.passages]
        body = answer_markup(exchange.text, place=place, numbers=numbers)
        css_class = f"answer {exchange.status}"
        parts.append(f'<div class="{css_class}" lang="{exchange.language}">{body}</div>')
    if exchange.error is not None:
        parts.append(f'<div class="notice" role="alert">{both(exchange.error)}</div>')
    elif note := _note(exchange):
        css_class = "waiting" if exchange.status in RUNNING else "note"
        parts.append(f'<div class="{css_class}">{both(note)}{_clock(exchange)}</div>')
    if exchange.cut:
        parts.append(f'<div class="note">{both(texts.CUT)}</div>')
    return "".join(parts)


def _clock(exchange: Exchange) -> str:
    """Elapsed seconds, hidden from screen readers, which would announce each one."""
    if exchange.status != "reading":
        return ""
    seconds = texts.SECONDS.format(seconds=round(exchange.seconds))
    return f'<span aria-hidden="true">{both(seconds)}</span>'


def _note(exchange: Exchange) -> Words | None:
    seconds, count = round(exchange.seconds), len(exchange.passages)
    if exchange.status == "reading":
        return texts.READING.format(count=count)
    if exchange.status == "answered":
        if not exchange.cited:
            return texts.UNCITED
        return texts.ANSWERED.format(count=count, cited=len(exchange.cited), seconds=seconds)
    fixed: dict[Status, Words] = {
        "asked": texts.WAITING,
        "searching": texts.SEARCHING,
        "stopped": texts.STOPPED,
        "trimmed": texts.TRIMMED,
    }
    return fixed.get(exchange.status)
