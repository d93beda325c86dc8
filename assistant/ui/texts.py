"""Every sentence of the page, in both languages.

Most texts are rendered in both languages, and the stylesheet shows the one that the visitor
chose, so that switching leaves answers and opened passages untouched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistant.documents import Language
from assistant.errors import AssistantError

LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    zh: str
    en: str

    def __getitem__(self, language: Language) -> str:
        """The text in a language."""
        return self.zh if language == "zh" else self.en

    def __iter__(self) -> Iterator[tuple[Language, str]]:
        """Both, with their language."""
        return ((language, self[language]) for language in LANGUAGES)

    def format(self, **values: object) -> Words:
        """Put values into both."""
        return Words(self.zh.format(**values), self.en.format(**values))


TITLE = Words("知识库助手", "Knowledge Base Assistant")
SUBTITLE = Words(
    "回答取自 {sources}，并列出所依据的原文。",
    "Answers from {sources}, with the passages behind them.",
)
AND_MORE = Words("等 {count} 个来源", "{count} sources in all")

WELCOME = Words("想了解什么？", "What would you like to know?")
WELCOME_HINT = Words(
    "用中文或英文提问。每个结论都标注出处；知识库里没有答案时会直说。",
    "Ask in English or Chinese. Every statement cites its source, and if the knowledge base "
    "has no answer, the assistant says so.",
)
ASK = Words("输入问题，按 Enter 发送", "Ask a question (Enter to send)")
QUESTION = Words("问题", "Question")
CHAT = Words("对话", "Conversation")
SEND = Words("发送", "Send")
STOP = Words("停止", "Stop")
CLEAR = Words("清空对话", "Clear")
SCOPE = Words("限定检索范围", "Narrow the search")
SCOPE_SOURCES = Words("来源（不选即全部）", "Sources (all if none selected)")
SCOPE_LANGUAGES = Words("文档语言（不选即全部）", "Document language (all if none selected)")
LANGUAGE_NAMES: dict[Language, Words] = {
    "zh": Words("中文", "Chinese"),
    "en": Words("英文", "English"),
}

BUILDING = Words(
    "知识库正在建立。第 {step} 个来源（共 {steps} 个）{name}：已完成 {percent}%{left}。"
    "目前的回答只取自已完成的来源。",
    "The knowledge base is being built. Source {step} of {steps}, {name}: {percent}% done{left}. "
    "Until it is ready, answers come only from the sources already finished.",
)
UPDATING = Words(
    "知识库正在更新，已完成 {percent}%{left}。",
    "The knowledge base is being updated: {percent}% done{left}.",
)
MINUTES_LEFT = Words("，约剩 {minutes} 分钟", ", about {minutes} min left")

# {page} and {root} are filled in by page.js.
WRONG_ROOT_PATH = Words(
    "问题无法送达：本页位于路径“{page}”，服务器却设为“{root}”。"
    "请维护者设置 ASSISTANT_ROOT_PATH={page}，然后重新启动。",
    "Questions cannot be sent: this page is at the path “{page}”, but its server is set up for "
    "“{root}”. The page owner needs to set ASSISTANT_ROOT_PATH={page} and restart it.",
)

WAITING = Words("排队等候中……", "Waiting in the queue…")
SEARCHING = Words("正在检索知识库……", "Searching the knowledge base…")
READING = Words(
    "找到 {count} 段原文，正在阅读……",
    "Passages found: {count}. Reading…",
)
SECONDS = Words("{seconds} 秒", "{seconds} s")
ANSWERED = Words(
    "引用 {count} 段中的 {cited} 段 · {seconds} 秒",
    "Passages cited: {cited} of {count} · {seconds} s",
)
UNCITED = Words(
    "回答没有标注出处，请核对列出的原文。",
    "The answer cites no passage; check it against those listed.",
)
CUT = Words(
    "回答达到了长度或时间上限，没有写完。",
    "The answer reached its limit of length or time and is not complete.",
)
STOPPED = Words("已停止。", "Stopped.")
TRIMMED = Words(
    "更早的问题已从这次对话中移除。", "Earlier questions have been dropped from this conversation."
)
COPY = Words("复制", "Copy")

SOURCES = Words("原文出处", "Sources")
SOURCES_EMPTY = Words(
    "提问后，这里先列出找到的原文：仓库、文件、标题和行号，再开始写回答。",
    "When you ask a question, the passages found are listed here before the answer begins: "
    "repository, file, heading and lines.",
)
NOTHING_FOUND = Words("没有找到相关原文。", "No passages were found.")
NEARBY = Words("相近内容", "Related")
NEARBY_HINT = Words(
    "以下内容只是相近，不能作为回答的依据。",
    "These passages are only loosely related. They are not evidence for an answer.",
)
EARLIER = Words("之前的问题", "Earlier questions")
CITED = Words("已引用", "cited")
LINE = Words("第 {start} 行", "line {start}")
LINES = Words("第 {start}–{end} 行", "lines {start}–{end}")
OPEN = Words("打开原文", "Open source")
OPEN_AT = Words("打开原文（提交 {commit}）", "Open source at {commit}")

FACTS = Words(
    "来源 {sources} · 文档 {files} · 原文 {chunks} 段",
    "Sources {sources} · documents {files} · passages {chunks}",
)
MODEL = Words("模型 {name}", "Model {name}")
CAUTION = Words("模型会出错，请以原文为准。", "The model can be wrong; check the passages.")

UNKNOWN_ERROR = Words(
    "出了意外，没能回答。请再问一次；如果一直这样，请告诉维护者。",
    "Something unexpected went wrong, so there is no answer. Ask again; if it keeps happening, "
    "tell the owner of this page.",
)
_INDEX = Words(
    "知识库的索引现在无法使用，请联系维护者重建。",
    "The knowledge base index cannot be used right now. Its owner needs to rebuild it.",
)
_SOURCE = Words(
    "知识库的一个来源现在无法使用，请稍后再试。",
    "A source of the knowledge base is unavailable right now. Try again later.",
)
_HUB = Words(
    "模型没能下载，请稍后再试或联系维护者。",
    "The model could not be downloaded. Try again later, or tell the owner of this page.",
)
_SETUP = Words(
    "这个页面的设置有误，请联系维护者。",
    "This page is not set up correctly. Please tell its owner.",
)
ERRORS: dict[str, Words] = {
    "AssistantError": UNKNOWN_ERROR,
    "SettingsError": _SETUP,
    "SourcesFileError": _SETUP,
    "SourceError": _SOURCE,
    "SourceNotFoundError": _SOURCE,
    "SourceUnreachableError": _SOURCE,
    "RevisionNotFoundError": _SOURCE,
    "UnreadableFileError": Words(
        "有一个文件读不出文字，请联系维护者。",
        "A file contains no readable text. Please tell the owner of this page.",
    ),
    "IndexNotFoundError": Words(
        "知识库还没有建立索引，请联系维护者。",
        "The knowledge base has no index yet. Please tell its owner.",
    ),
    "IndexMismatchError": _INDEX,
    "IndexCorruptError": _INDEX,
    "IndexBusyError": Words(
        "索引正在更新，请过几分钟再问。",
        "The index is being updated. Ask again in a few minutes.",
    ),
    "IndexWriteError": _INDEX,
    "IndexServerError": Words(
        "存放知识库的服务器没有响应，请稍后再问。",
        "The server that holds the knowledge base is not responding. Ask again later.",
    ),
    "ModelNotFoundError": Words(
        "没有找到所需的模型，请联系维护者。",
        "A required model was not found. Please tell the owner of this page.",
    ),
    "HubError": _HUB,
    "HubUnreachableError": _HUB,
    "VerificationError": _HUB,
    "ChatModelError": Words(
        "语言模型没能写出回答，找到的原文仍可查看。请稍后再问，或把问题写短些。",
        "The language model could not write an answer, but you can still read the passages found. "
        "Ask again in a moment, or shorten the question.",
    ),
    "QuestionError": Words("还没有输入问题。", "There is no question yet. Type one, then send it."),
    "QuestionTooLongError": Words(
        "问题有 {characters} 个字符，最多 {limit} 个。问题还在输入框里，请缩短后再发送。",
        "The question has {characters} characters; the limit is {limit}. It is still in the box: "
        "shorten it and send it again.",
    ),
    "ImagesNotReadError": Words(
        "这个模型看不懂图片，请只用文字提问。",
        "This model cannot read images. Please use text only.",
    ),
    "FilterError": Words(
        "选中的来源已不在知识库里。请刷新页面，重新选择。",
        "A selected source is no longer in the knowledge base. Reload the page and select again.",
    ),
    "ServerError": _SETUP,
    "HostNotAllowedError": _SETUP,
    "RequestTooLargeError": Words(
        "发送的内容太大，请缩短问题后再发送。",
        "The request is too large. Shorten the question and send it again.",
    ),
    "TooManyQuestionsError": Words(
        "问得太快了。问题还在输入框里，请过一分钟再发送。",
        "Too many questions in a short time. Yours is still in the box: send it again in a minute.",
    ),
    "BusyError": Words(
        "现在排队的问题太多，请过一会儿再问。",
        "Too many questions are waiting for an answer. Ask again in a few minutes.",
    ),
}


def error_sentence(error: Exception) -> Words:
    """The sentence for visitors; the error's own text is for the owner's log."""
    if isinstance(error, AssistantError):
        for kind in type(error).__mro__:
            if kind.__name__ in ERRORS:
                return ERRORS[kind.__name__].format(**error.facts)
    return UNKNOWN_ERROR


def language_from_header(accept_language: str) -> Language:
    """The preferred language in an `Accept-Language` header; English if it names neither.

    >>> language_from_header("fr;q=0.9, zh-CN, en;q=0.8")
    'zh'
    """
    choices: list[tuple[float, str]] = []
    for part in accept_language.split(","):
        tag, _, weight = part.strip().partition(";")
        found = re.search(r"q\s*=\s*([01](?:\.\d*)?)", weight)
        choices.append((-(float(found[1]) if found else 1.0), tag.strip().lower()[:2]))
    for _, tag in sorted(choices, key=lambda choice: choice[0]):
        if tag in LANGUAGES:
            return "zh" if tag == "zh" else "en"
    return "en"
