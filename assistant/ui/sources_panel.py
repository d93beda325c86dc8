"""HTML of the passages shown beside the answers."""

from __future__ import annotations

from collections.abc import Iterable

from assistant.documents import Citation, SearchHit
from assistant.ui import texts
from assistant.ui.conversation import Conversation, Exchange
from assistant.ui.markup import both, plain, source_id, web_address
from assistant.ui.texts import Words

_QUESTION_CHARS = 80
_COMMIT_CHARS = 7


def panel(conversation: Conversation) -> str:
    """The sources of all questions, latest first; those of earlier questions are collapsed."""
    if not conversation:
        return _heading(texts.SOURCES) + both(texts.SOURCES_EMPTY, "p", "hint no-sources")
    places = range(len(conversation) - 2, -1, -1)
    earlier = "".join(_folded(conversation[place], place) for place in places)
    title = both(texts.EARLIER, "h3", "earlier-title") if earlier else ""
    return _section(conversation[-1], len(conversation) - 1) + title + earlier


def _folded(exchange: Exchange, place: int) -> str:
    if not exchange.passages:
        return ""
    question = exchange.question.text
    shown = question[:_QUESTION_CHARS] + ("…" if len(question) > _QUESTION_CHARS else "")
    return (
        f'<details class="earlier" id="earlier-{place}"><summary>{plain(shown)}</summary>'
        f"{_section(exchange, place)}</details>"
    )


def _section(exchange: Exchange, place: int) -> str:
    nearby = exchange.status == "refused"
    heading = _heading(texts.NEARBY if nearby else texts.SOURCES, len(exchange.passages))
    hint = both(words, "p", "hint") if (words := _hint(exchange)) else ""
    if not exchange.passages:
        return heading + hint
    cards = "".join(_cards(exchange.passages, exchange.cited, place))
    css_class = "hits nearby" if nearby else "hits"
    return f'{heading}{hint}<ol class="{css_class}">{cards}</ol>'


def _hint(exchange: Exchange) -> Words | None:
    if exchange.passages:
        return texts.NEARBY_HINT if exchange.status == "refused" else None
    if exchange.status in ("asked", "searching"):
        return texts.SEARCHING
    return texts.NOTHING_FOUND if exchange.status in ("answered", "refused") else None


def _heading(words: Words, count: int = 0) -> str:
    number = f'<span class="count">{count}</span>' if count else ""
    return f'<h2 class="panel-title">{both(words)}{number}</h2>'


def _cards(passages: Iterable[Citation], cited: tuple[int, ...], place: int) -> Iterable[str]:
    for passage in passages:
        number, chunk = passage.number, passage.hit.chunk
        is_cited = number in cited
        yield (
            f'<li class="source{" cited" if is_cited else ""}" id="{source_id(place, number)}">'
            f"<details><summary>{_summary(passage, is_cited)}</summary>"
            f'<div class="passage" lang="{chunk.language}">{plain(chunk.text)}</div>'
            f"</details>{_link(passage.hit)}</li>"
        )


def _summary(passage: Citation, is_cited: bool) -> str:
    chunk = passage.hit.chunk
    heading = " › ".join(chunk.heading) or chunk.path.rsplit("/", 1)[-1]
    mark = both(texts.CITED, css_class="cited-mark") if is_cited else ""
    words = texts.LINE if chunk.start_line == chunk.end_line else texts.LINES
    lines = words.format(start=chunk.start_line, end=chunk.end_line)
    return (
        f'<span class="number">{passage.number}</span><span class="where">'
        f'<span class="heading" lang="{chunk.language}">{plain(heading)}</span>'
        f'<span class="place"><span class="repository">{plain(chunk.source)}</span> '
        f'<span class="path">{plain(chunk.path)}</span></span>'
        f'<span class="lines">{both(lines)}{mark}</span></span>'
    )


def _link(hit: SearchHit) -> str:
    address = web_address(hit.chunk.url)
    if not address:
        return ""
    commit = hit.chunk.commit[:_COMMIT_CHARS]
    words = texts.OPEN_AT.format(commit=commit) if commit else texts.OPEN
    return (
        f'<a class="open" href="{address}" target="_blank" rel="noopener noreferrer">'
        f"{both(words)}</a>"
    )
