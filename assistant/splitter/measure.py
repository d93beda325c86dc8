"""Measures the token costs of lines and context lines, counted in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

CountTokens = Callable[[Sequence[str]], list[int]]
_CONTEXT_SHARE = 0.4  # largest share of a chunk's tokens


class Measure:
    """Token costs of a document's lines and of the context line before each chunk.

    Costs are sums over lines: exact for tokenizers that split at white space first, and
    close for others. Finished chunks are counted exactly.

    Args:
        lines: Lines of the document.
        source: Name of the source, the start of each context line.
        paths: Heading paths of all sections.
        count_tokens: Counts the tokens of each text.
        max_tokens: Most tokens in a chunk, including its context line.
    """

    def __init__(
        self,
        lines: Sequence[str],
        source: str,
        paths: Iterable[tuple[str, ...]],
        count_tokens: CountTokens,
        max_tokens: int,
    ) -> None:
        self.max_tokens = max_tokens
        self._source = source
        self._count_tokens = count_tokens
        wanted = list(dict.fromkeys(paths))
        texts = list(dict.fromkeys(lines))
        contexts = [self._context(path) for path in wanted]
        counts = count_tokens([*texts, *contexts, "a", "a\na"])
        single, double = counts[-2:]
        self.line_end = max(0, double - 2 * single)
        by_text = dict(zip(texts, counts, strict=False))
        costs = (by_text[line] + self.line_end for line in lines)
        self._sums = [0, *accumulate(costs)]
        self._shown: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}
        for path, count in zip(wanted, counts[len(texts) :], strict=False):
            self._shown[path] = self._shortened(path, count)

    def cost(self, start: int, end: int) -> int:
        """Tokens of lines `start` to `end`, inclusive and counted from 1."""
        return self._sums[end] - self._sums[start - 1]

    def budget(self, path: tuple[str, ...]) -> int:
        """Tokens left for text after the context line of `path`; at least 1."""
        return max(1, self.max_tokens - self._shown[path][1] - self.line_end)

    def fits(self, start: int, end: int, path: tuple[str, ...]) -> bool:
        """Whether lines `start` to `end` fit into one chunk under `path`."""
        return self.cost(start, end) <= self.budget(path)

    def heading(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """The titles shown in the context line, shortened where they take too much room."""
        return self._shown[path][0]

    def shows(self, path: tuple[str, ...]) -> bool:
        """Whether the context line shows all titles of the path in full."""
        return self._shown[path][0] == path

    def _context(self, path: tuple[str, ...]) -> str:
        return " > ".join((self._source, *path))

    def _shortened(self, path: tuple[str, ...], count: int) -> tuple[tuple[str, ...], int]:
        """Drop middle titles first, then shorten the last one."""
        limit = int(_CONTEXT_SHARE * self.max_tokens)
        while count > limit and path:
            if len(path) > 1:
                dropped = 1 if len(path) > 2 else 0
                path = path[:dropped] + path[dropped + 1 :]
            elif len(path[0]) > 8:
                path = (path[0][: len(path[0]) // 2].rstrip() + "…",)
            else:
                path = ()
            count = self._count_tokens([self._context(path)])[0]
        return path, count
