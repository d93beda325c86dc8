"""Chooses the lines at which to break sections that do not fit."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from assistant.documents import Block
from assistant.loaders.noise import without_markup
from assistant.splitter.measure import Measure

_NEVER, _ANYWHERE, _SENTENCE, _ITEM, _BLOCK = range(5)  # quality of a break before a line
_LIST_ITEM = re.compile(r"(\s*)(?:[-*+•]|\d{1,9}[.)、])\s")
_ENDS_SENTENCE = re.compile(r"[.!?;:。！？；：][\"'”’)）\]*_`]*\s*$")
_INTRODUCES = re.compile(r"[:：][*_`]*\s*$")
_SHORTEST_SHARE = 0.5  # share of a full chunk that is filled before a good break is taken
_NOISE_TOKENS = 40  # blocks with more tokens of noise between them do not share a chunk


@dataclass(frozen=True, slots=True)
class Span:
    """Lines `start` to `end`, which become a chunk.

    Attributes:
        start: First line, from 1.
        end: Last line, inclusive.
        path: Titles of the enclosing headings, outermost first.
        only_headings: Whether it consists of headings only.
        columns: Header of the table that the lines continue; empty if they do not.
        needed: Number of leading titles that must stay in the path since no text has them.
    """

    start: int
    end: int
    path: tuple[str, ...]
    only_headings: bool = False
    columns: str = ""
    needed: int = 0


def break_section(
    blocks: Sequence[Block],
    lines: Sequence[str],
    path: tuple[str, ...],
    measure: Measure,
) -> list[Span]:
    """Break a section's own blocks into spans, in order.

    A span fits the budget, except for a single line that is longer.

    Args:
        blocks: Blocks of the section, without its subsections.
        lines: Lines of the document.
        path: Titles of the enclosing headings and the section's own.
        measure: Token costs of the lines.
    """
    budget = measure.budget(path)
    spans: list[Span] = []
    for run in _runs(blocks, measure):
        first, last = run[0].start_line, run[-1].end_line
        if measure.cost(first, last) <= budget:
            only_headings = all(map(_is_title, run))
            spans.append(Span(first, last, path, only_headings))
            continue
        spans.extend(_broken(run, lines, path, measure))
    if not measure.shows(path):
        return spans
    # Drop headings that stand alone, e.g. above images: the context of other spans has the title.
    kept = [replace(span, needed=len(path)) for span in spans if not span.only_headings]
    return kept if kept and len(kept) < len(spans) else spans


def _broken(
    run: Sequence[Block],
    lines: Sequence[str],
    path: tuple[str, ...],
    measure: Measure,
) -> Iterator[Span]:
    """Break a run of blocks that does not fit."""
    budget = measure.budget(path)
    columns = {b.start_line: _columns(lines[b.start_line - 1]) for b in run if b.kind == "table"}
    most = budget - _header_cost(run, measure, budget)
    numbers, quality = _break_qualities(run, lines, measure, most)
    block_starts = [block.start_line for block in run]
    for start, end in _fill(numbers, quality, measure, most):
        first = bisect_right(block_starts, start) - 1  # the block that `start` is in
        last = bisect_right(block_starts, end)
        header = ""
        if most < budget and start > block_starts[first]:
            header = columns.get(block_starts[first], "")
        only_headings = all(map(_is_title, run[first:last]))
        yield Span(start, end, path, only_headings, header)


def noise_between(end: int, start: int, measure: Measure) -> bool:
    """Whether two lines are separated by too much noise to share a chunk."""
    return end + 1 < start and measure.cost(end + 1, start - 1) > _NOISE_TOKENS


def _is_title(block: Block) -> bool:
    """Whether the block is a heading whose title the context of later chunks repeats."""
    return block.kind == "heading" and bool(block.title)


def _runs(blocks: Sequence[Block], measure: Measure) -> Iterator[list[Block]]:
    run: list[Block] = []
    for block in blocks:
        if run and noise_between(run[-1].end_line, block.start_line, measure):
            yield run
            run = []
        run.append(block)
    if run:
        yield run


def _columns(header: str) -> str:
    cells = (cell.strip(" *`") for cell in without_markup(header).strip().strip("|").split("|"))
    return " | ".join(cell for cell in cells if cell)


def _header_cost(blocks: Sequence[Block], measure: Measure, budget: int) -> int:
    """Tokens to reserve for the header of a broken table; 0 if it would take too much room."""
    tables = [
        block
        for block in blocks
        if block.kind == "table" and measure.cost(block.start_line, block.end_line) > budget
    ]
    cost = max((measure.cost(b.start_line, b.start_line) + 2 for b in tables), default=0)
    return cost if cost <= budget // 4 else 0


def _break_qualities(
    blocks: Sequence[Block], lines: Sequence[str], measure: Measure, budget: int
) -> tuple[list[int], dict[int, int]]:
    """The lines of the blocks, and the quality of a break before each line."""
    numbers: list[int] = []
    quality: dict[int, int] = {}
    previous: Block | None = None
    for block in blocks:
        numbers.extend(range(block.start_line, block.end_line + 1))
        quality[block.start_line] = _before_block(previous, lines)
        whole = block.kind != "prose" and measure.cost(block.start_line, block.end_line) <= budget
        for number in range(block.start_line + 1, block.end_line + 1):
            quality[number] = _NEVER if whole else _inside(block, number, lines)
        previous = block
    return numbers, quality


def _before_block(previous: Block | None, lines: Sequence[str]) -> int:
    if previous is None or previous.kind == "heading":
        return _ANYWHERE
    introduces = previous.kind == "prose" and _INTRODUCES.search(lines[previous.end_line - 1][-80:])
    return _SENTENCE if introduces else _BLOCK


def _inside(block: Block, number: int, lines: Sequence[str]) -> int:
    line, before = lines[number - 1], lines[number - 2]
    if block.kind == "table":
        return _NEVER if number == block.start_line + 1 else _ANYWHERE
    if block.kind == "code":
        if before.strip() or not line.strip():
            return _ANYWHERE
        return _SENTENCE if line[0].isspace() else _ITEM
    item = _LIST_ITEM.match(line)
    if item:
        return _SENTENCE if item[1] else _ITEM
    return _SENTENCE if _ENDS_SENTENCE.search(before[-80:]) else _ANYWHERE


class _Break(NamedTuple):
    """A break before the line at `position`, its quality, and the tokens of the piece it ends."""

    position: int
    quality: int
    tokens: int


def _fill(
    numbers: Sequence[int], quality: dict[int, int], measure: Measure, most: int
) -> Iterator[tuple[int, int]]:
    """First and last line of each piece; `numbers` are the lines that belong to blocks."""
    ends = [measure.cost(1, number) for number in numbers]
    position = 0
    while position < len(numbers):
        before = measure.cost(1, numbers[position] - 1)
        fits = max(position + 1, bisect_right(ends, before + most))  # one line may be too long
        cut = len(numbers)
        if fits < cut:
            breaks = [
                _Break(after, quality[numbers[after]], ends[after - 1] - before)
                for after in range(position + 1, fits + 1)
            ]
            cut = _best_break(breaks, most, ends[-1] - before)
        yield numbers[position], numbers[cut - 1]
        position = cut


def _best_break(breaks: Sequence[_Break], most: int, rest: int) -> int:
    """Choose the best break that leaves the piece well filled and the last piece not tiny.

    Args:
        breaks: At least one; the last one ends the longest piece that fits.
        most: Tokens of a full piece.
        rest: Tokens of all lines not yet in a piece.

    Returns:
        The position of the break.
    """
    wanted = rest / 2 if rest < 2 * most else most
    least = min(_SHORTEST_SHARE * most, wanted / 2)
    allowed = [cut for cut in breaks if cut.quality > _NEVER]
    if not allowed:
        return breaks[-1].position
    filled = [cut for cut in allowed if cut.tokens >= least]
    best = max(filled or allowed, key=lambda cut: (cut.quality, -abs(cut.tokens - wanted)))
    return best.position
