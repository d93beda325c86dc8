"""Turns spans into chunks with exact token counts, ids and addresses."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.documents import Chunk, LoadedDocument, SourceFile
from assistant.language import has_words
from assistant.splitter.long_lines import break_lines, halves
from assistant.splitter.measure import CountTokens, Measure
from assistant.splitter.spans import Span


def draft_chunks(
    spans: Sequence[Span],
    lines: Sequence[str],
    measure: Measure,
    count_tokens: CountTokens,
    document: LoadedDocument,
    file: SourceFile,
) -> list[Chunk]:
    """Make chunks without id, address and token count; lines that do not fit are broken up.

    Args:
        spans: Spans of the document, in order.
        lines: Lines of the document.
        measure: Token costs of the lines.
        count_tokens: Counts the tokens of each text.
        document: Provides the language.
        file: Provides source, path and commit.

    Returns:
        Drafts in order, each with a `token_count` of -1.
    """
    long = [s for s in spans if s.start == s.end and not measure.fits(s.start, s.end, s.path)]
    texts = [lines[span.start - 1] for span in long]
    budgets = [measure.budget(span.path) for span in long]
    parts = dict(zip(long, break_lines(texts, budgets, count_tokens), strict=True))
    drafts = []
    for span in spans:
        heading = measure.heading(span.path)
        if span.columns and span not in parts:
            heading = (*heading, span.columns)
        whole = ["\n".join(lines[span.start - 1 : span.end])]
        for text in (part.strip() for part in parts[span]) if span in parts else whole:
            if has_words(text):
                drafts.append(
                    Chunk(
                        id="",
                        text=text,
                        source=file.source.name,
                        path=file.path,
                        heading=heading,
                        start_line=span.start,
                        end_line=span.end,
                        commit=file.commit,
                        url="",
                        language=document.language,
                        token_count=-1,
                    )
                )
    return drafts


def fitting(drafts: list[Chunk], count_tokens: CountTokens, max_tokens: int) -> list[Chunk]:
    """Count the tokens of each draft, and halve drafts until all have at most `max_tokens`.

    Spans are measured by sums over lines, so that a few drafts may turn out too long.
    """
    while True:
        unknown = [index for index, draft in enumerate(drafts) if draft.token_count < 0]
        if not unknown:
            return drafts
        counts = count_tokens([drafts[index].embedded_text for index in unknown])
        replaced: dict[int, list[Chunk]] = {}
        for index, count in zip(unknown, counts, strict=True):
            smaller = _halved(drafts[index]) if count > max_tokens else []
            replaced[index] = smaller or [replace(drafts[index], token_count=count)]
        drafts = [d for index, draft in enumerate(drafts) for d in replaced.get(index, [draft])]


def _halved(draft: Chunk) -> list[Chunk]:
    """Split a draft in two; empty if it cannot be split."""
    lines = draft.text.split("\n")
    if len(lines) == 1:
        parts = [part.strip() for part in halves(draft.text)]
        if not all(parts):
            return []
        return [replace(draft, text=part) for part in parts if has_words(part)]
    result = []
    for first, last in ((0, len(lines) // 2), (len(lines) // 2, len(lines))):
        start, end = draft.start_line + first, draft.start_line + last - 1
        text = "\n".join(lines[first:last])
        if text.strip():
            result.append(replace(draft, text=text, start_line=start, end_line=end))
    return result


def finished(
    chunks: Sequence[Chunk], document: LoadedDocument, link: Callable[[int, int], str]
) -> list[Chunk]:
    """Add ids and addresses.

    Args:
        chunks: Chunks of one document, in order.
        document: Provides the address of chunks that have none of the source.
        link: Returns the address of a first and last line; empty if there is none.
    """
    seen: Counter[str] = Counter()
    finished = []
    for chunk in chunks:
        seen[chunk.text] += 1
        address = link(chunk.start_line, chunk.end_line)
        if document.converted:
            address = address.partition("#")[0]  # line numbers do not apply to the file
        identifier = _identifier(chunk, seen[chunk.text])
        finished.append(replace(chunk, id=identifier, url=address or document.url))
    return finished


def _identifier(chunk: Chunk, occurrence: int) -> str:
    """Derive an id from path and text, not lines: text that moves in its file keeps its id."""
    parts = (chunk.source, chunk.path, chunk.text, str(occurrence))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
