"""Builds the chat model's messages within a token budget, and the text of refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from assistant.answering.control_tokens import neutralised
from assistant.documents import Citation, Language, Question, Retrieved, SearchHit, Turn
from assistant.errors import ImagesNotReadError

CountTokens = Callable[[str], int]

_HISTORY_TURNS = 2
_FRAME_TOKENS = 120  # the templates and the separators between messages
_FEWEST_PASSAGES_TOKENS = 100
_HISTORY_CHARS = 250  # kept of each earlier question and answer

# The start of the prompt never changes, so that model servers can cache it.
_SYSTEM: dict[Language, str] = {
    "zh": (
        "你是知识库助手。只根据用户给出的编号资料用中文回答，简洁准确。"
        "每个结论后面用方括号标出资料编号，例如 [1]。命令、参数和代码照抄资料。"
        "资料里没有答案就说不知道，不要编造。"
    ),
    "en": (
        "You answer from a knowledge base. Use only the numbered passages in the user's message, "
        "and answer in English, briefly and exactly. After each statement put the number of its "
        "passage in square brackets, such as [1]. Copy commands, options and code as they stand. "
        "If the passages do not hold the answer, say that you do not know; invent nothing."
    ),
}
# If reminded of citations after the question, small models write a number and nothing else.
# Large models cite as the system message asks; uncited text is attributed afterwards.
_USER: dict[Language, str] = {
    "zh": (
        "资料：\n\n{passages}\n\n问题：{question}\n\n"
        "请根据资料，用完整的句子回答，给出具体的命令、参数或数值。"
    ),
    "en": (
        "Passages:\n\n{passages}\n\nQuestion: {question}\n\n"
        "Answer in whole sentences, with the concrete commands, options or numbers."
    ),
}
_WITHOUT_NUMBERS: dict[Language, str] = {
    "zh": "直接写出答案，不要写编号。",
    "en": " Write the answer itself, without numbers of passages.",
}
_REFUSAL: dict[Language, str] = {
    "zh": "知识库里没有找到能回答这个问题的内容，所以我不知道。",
    "en": "I do not know: the knowledge base has nothing that answers this question.",
}
_NEARBY: dict[Language, str] = {
    "zh": "知识库里相近的主题：{topics}。",
    "en": "Related topics it does cover: {topics}.",
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages for the model, and the passages they contain.

    Attributes:
        messages: Ask for an answer with citations.
        passages: Numbered passages whose text is in the messages.
        without_numbers: Share the beginning of `messages`, but ask for no citations.
    """

    messages: tuple[BaseMessage, ...]
    passages: tuple[Citation, ...]
    without_numbers: tuple[BaseMessage, ...] = ()


def check_text_only(question: Question, history: Sequence[Turn]) -> None:
    """Reject images, which no supported chat model reads yet.

    Raises:
        ImagesNotReadError: The question, or one before it, has an image.
    """
    images = sum(len(asked.images) for asked in (question, *(turn.question for turn in history)))
    if images:
        raise ImagesNotReadError(images)


def build_prompt(
    retrieved: Retrieved,
    *,
    count_tokens: CountTokens,
    passages_tokens: int,
    prompt_tokens: int | None = None,
) -> Prompt:
    """Build a prompt with as many passages as the budget allows, best first.

    A passage that does not fit is skipped, and the next one is tried. The first passage is
    truncated instead, so that there is always one. If question and history leave almost no
    room, the oldest turns are dropped.

    Args:
        retrieved: The question, its history and the passages found.
        count_tokens: Text -> number of tokens.
        passages_tokens: Budget for passages; less if `prompt_tokens` leaves less.
        prompt_tokens: Budget for the whole prompt; None: no limit.

    Raises:
        ImagesNotReadError: The question, or one before it, has an image.
    """
    check_text_only(retrieved.question, retrieved.history)
    language, question = retrieved.language, neutralised(retrieved.question.text)
    turns = list(retrieved.history[-_HISTORY_TURNS:])
    messages = _before(language, turns)
    left = passages_tokens
    while prompt_tokens is not None:
        rest = "\n".join([*(str(message.content) for message in messages), question])
        room = prompt_tokens - count_tokens(rest) - _FRAME_TOKENS
        left = max(_FEWEST_PASSAGES_TOKENS, min(passages_tokens, room))
        if room >= _FEWEST_PASSAGES_TOKENS or not turns:
            break
        turns.pop(0)
        messages = _before(language, turns)
    parts: list[str] = []
    used: list[Citation] = []
    for passage in retrieved.citations:
        chunk = passage.hit.chunk
        text = neutralised(f"[{passage.number}] {chunk.context}\n{chunk.text}")
        tokens = count_tokens(text)
        if tokens > left and not parts:
            text = _cut(text, left, tokens)
            tokens = left
        if tokens <= left:
            parts.append(text)
            used.append(passage)
            left -= tokens
    asked = _USER[language].format(passages="\n\n".join(parts), question=question)
    again = HumanMessage(asked + _WITHOUT_NUMBERS[language])
    return Prompt((*messages, HumanMessage(asked)), tuple(used), (*messages, again))


def _before(language: Language, turns: Sequence[Turn]) -> list[BaseMessage]:
    messages: list[BaseMessage] = [SystemMessage(_SYSTEM[language])]
    for turn in turns:
        messages.append(HumanMessage(neutralised(turn.question.text[:_HISTORY_CHARS])))
        messages.append(AIMessage(neutralised(turn.answer[:_HISTORY_CHARS])))
    return messages


def _cut(text: str, tokens: int, of_tokens: int) -> str:
    return text[: len(text) * tokens // of_tokens]


def refusal(retrieved: Retrieved) -> str:
    """Text that says the knowledge base has no answer, and names related topics it covers."""
    language = retrieved.language
    topics = list(dict.fromkeys(_topic(hit) for hit in retrieved.hits))[:3]
    sentence = _REFUSAL[language]
    if topics:
        joined = ("、" if language == "zh" else ", ").join(topics)
        gap = "" if language == "zh" else " "
        sentence += gap + _NEARBY[language].format(topics=joined)
    return sentence


def _topic(hit: SearchHit) -> str:
    heading = hit.chunk.heading
    return f"{hit.chunk.source}: {heading[0]}" if heading else hit.chunk.source
