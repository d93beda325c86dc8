"""Citations [n] in an answer: checked while it streams, and added where they are missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from assistant.documents import Citation
from assistant.language import has_words

_MARK = re.compile(r"[\[【［]\s*(\d{1,3}(?:\s*[,，、;；]\s*\d{1,3})*)\s*[\]】］]")
_NORMAL = re.compile(r"\[[1-9]\d*\]")  # a mark normalised by the filter
_INCOMPLETE = re.compile(r"(?:[\[【［][\d\s,，、;；]{0,24}|`+)$")
_SUBSCRIPT = re.compile(r"[A-Za-z0-9_)]$")  # text before the bracket of `a[0]`
_CODE_EDGE = re.compile(r"(`+|\n)")
_PARAGRAPH_END = re.compile(r"(\n{2,})")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_HEADING_LINE = re.compile(r"^#{1,6} .*$", re.MULTILINE)
_GRAM = 4  # characters; long enough that shared grams mean shared wording
_ENOUGH_SHARED = 0.15


class CitationFilter:
    """Passes streamed text through, normalising citations and dropping invented ones.

    `[1, 3]` and `【1】` become `[1][3]` and `[1]`. Text that may start a citation is held back
    until the citation is complete. Code between backticks stays unchanged, and so does the
    subscript in `a[0]`, as 0 is never a passage's number.

    Attributes:
        numbers: Numbers passed through, in order of appearance.
        leading: Numbers before the first word. They are dropped: small models start with
            them, when there is no statement yet to support.
    """

    def __init__(self, valid: Iterable[int]) -> None:
        self._valid = frozenset(valid)
        self._held = ""
        self._fence = 0  # backticks that opened the current code; 0 outside code
        self._begun = False  # whether a word has appeared
        self._shown = False  # whether any text was passed through
        self._last = ""  # the character before the current part
        self.numbers: list[int] = []
        self.leading: list[int] = []

    def feed(self, text: str) -> str:
        """Take the next piece; return the text that can be shown."""
        text = self._held + text
        end = _INCOMPLETE.search(text)
        self._held = text[end.start() :] if end else ""
        return self._pass_on(text[: end.start()] if end else text)

    def finish(self) -> str:
        """Return the text held back, at the end of the stream."""
        rest, self._held = self._held, ""
        return rest

    def _pass_on(self, text: str) -> str:
        parts = _CODE_EDGE.split(text)
        for place, part in enumerate(parts):
            if part.startswith("`"):
                if not self._fence:
                    self._fence = len(part)
                elif self._fence == len(part):
                    self._fence = 0
            elif part == "\n" and self._fence < 3:
                self._fence = 0  # inline code ends with its line
            elif not self._fence:
                parts[place] = _MARK.sub(self._replace, part)
            self._last = part[-1:] or self._last
            self._begun = self._begun or has_words(parts[place])
        passed = "".join(parts) if self._shown else "".join(parts).lstrip()
        self._shown = self._shown or bool(passed)
        return passed

    def _replace(self, match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[1])]
        kept = [number for number in numbers if number in self._valid]
        if numbers == [0] and _SUBSCRIPT.search(match.string[: match.start()] or self._last):
            return match[0]
        if not self._begun and not has_words(_MARK.sub("", match.string[: match.start()])):
            self.leading += [number for number in kept if number not in self.leading]
            return ""
        self.numbers += [number for number in kept if number not in self.numbers]
        return "".join(f"[{number}]" for number in kept)


class Attributor:
    """Passes streamed text through, adding a citation to each paragraph without one.

    A paragraph ends at a blank line outside code; code itself gets no citation. Trailing
    newlines are held back until more text comes.
    """

    def __init__(self, passages: Sequence[Citation]) -> None:
        self._passages = passages
        self._paragraph = ""
        self._line_ends = ""
        self._cited = False

    def feed(self, text: str) -> str:
        """Take the next piece; return the text that can be shown."""
        text = self._line_ends + text
        kept = text.rstrip("\n")
        self._line_ends = text[len(kept) :]
        shown = []
        for part in _PARAGRAPH_END.split(kept):
            if _PARAGRAPH_END.fullmatch(part) and self._paragraph.count("```") % 2 == 0:
                shown.append(self._citation())
                self._paragraph = ""
            else:
                self._paragraph += part
            shown.append(part)
        return "".join(shown)

    def finish(self, leading: Sequence[int] = ()) -> str:
        """Citation of the last paragraph, or `leading` if the answer has no citation at all.

        Args:
            leading: Numbers that came before the first word.
        """
        last = self._citation()
        if self._cited or not leading:
            return last
        return self._gap() + "".join(f"[{number}]" for number in leading)

    def _citation(self) -> str:
        prose = _CODE.sub("", self._paragraph)
        if _NORMAL.search(prose):
            self._cited = True
            return ""
        if not has_words(_HEADING_LINE.sub("", prose)):
            return ""
        number = attribute(self._paragraph, self._passages)
        if number is None:
            return ""
        self._cited = True
        return f"{self._gap()}[{number}]"

    def _gap(self) -> str:
        """Space before a citation; a blank line keeps it out of preceding code or tables."""
        last_line = self._paragraph.rpartition("\n")[2].lstrip()
        return "\n\n" if last_line.startswith(("```", "|")) else " "


def citations(text: str, passages: Sequence[Citation]) -> tuple[Citation, ...]:
    """The passages that a text cites, in order of appearance."""
    by_number = {passage.number: passage for passage in passages}
    cited = CitationFilter(by_number)
    cited.feed(text)
    return tuple(by_number[number] for number in cited.numbers)


def attribute(text: str, passages: Sequence[Citation]) -> int | None:
    """Number of the passage that shares the most wording with an uncited text.

    Small models forget to cite. The text is compared with each passage in the prompt by
    character 4-grams. Among the passages that share enough of them, the one whose shared
    4-grams are rarest across the passages wins: an option explained in one passage is
    stronger evidence than a command that appears in several.

    Returns:
        None if no passage shares enough.
    """
    grams = _grams(text)
    shared = {p.number: grams & _grams(p.hit.chunk.text) for p in passages}
    spread = Counter(gram for found in shared.values() for gram in found)
    weights = {
        number: sum(1 / spread[gram] for gram in found)
        for number, found in shared.items()
        if found and len(found) >= _ENOUGH_SHARED * len(grams)
    }
    return min(weights, key=lambda number: (-weights[number], number), default=None)


def _grams(text: str) -> set[str]:
    text = re.sub(r"\s+", "", text).casefold()
    return {text[i : i + _GRAM] for i in range(len(text) - _GRAM + 1)}
