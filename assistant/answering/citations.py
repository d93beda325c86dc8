"""The citations [n] of a text: checked while it streams, added where it has none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from assistant.documents import Citation
from assistant.language import has_words

_MARK = re.compile(r"[\[【［]\s*(\d{1,3}(?:\s*[,，、;；]\s*\d{1,3})*)\s*[\]】］]")
_NORMAL = re.compile(r"\[[1-9]\d*\]")  # as the filter passes marks on
_INCOMPLETE = re.compile(r"(?:[\[【［][\d\s,，、;；]{0,24}|`+)$")
_SUBSCRIPT = re.compile(r"[A-Za-z0-9_)]$")  # what stands before the bracket of `a[0]`
_CODE_EDGE = re.compile(r"(`+|\n)")
_PARAGRAPH_END = re.compile(r"(\n{2,})")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_HEADING_LINE = re.compile(r"^#{1,6} .*$", re.MULTILINE)
_GRAM = 4  # characters; long enough that shared grams mean shared wording
_ENOUGH_SHARED = 0.15


class CitationFilter:
    """Passes a stream of text on, with its citations normalised and invented ones dropped.

    `[1, 3]` and `【1】` become `[1][3]` and `[1]`. What may be the start of a citation is
    held back until it is complete; code between backticks is left as it is, and so is the
    subscript of `a[0]`, which no passage has as its number.

    Attributes:
        numbers: Those passed on, in order of appearance.
        leading: Those that stood before the first word, which are not passed on: small
            models begin with them, and there is nothing yet that they could belong to.
    """

    def __init__(self, valid: Iterable[int]) -> None:
        self._valid = frozenset(valid)
        self._held = ""
        self._fence = 0  # backticks that opened the code we are in; 0 outside of code
        self._begun = False  # whether a word has come
        self._shown = False  # whether anything has been passed on
        self._last = ""  # the character before what is passed on now
        self.numbers: list[int] = []
        self.leading: list[int] = []

    def feed(self, text: str) -> str:
        """What can be shown now that `text` has come."""
        text = self._held + text
        end = _INCOMPLETE.search(text)
        self._held = text[end.start() :] if end else ""
        return self._pass_on(text[: end.start()] if end else text)

    def finish(self) -> str:
        """What was held back, at the end of the stream."""
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
    """Passes a stream of text on and cites at the end of paragraphs that cite nothing.

    A paragraph ends with an empty line outside of code; code itself is not cited. Line
    ends are held back until it is known what follows.
    """

    def __init__(self, passages: Sequence[Citation]) -> None:
        self._passages = passages
        self._paragraph = ""
        self._line_ends = ""
        self._cited = False

    def feed(self, text: str) -> str:
        """What can be shown now that `text` has come."""
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
        """The last paragraph's citation; of the whole answer's where it has none at all.

        Args:
            leading: Numbers that stood before the first word.
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
        """Before a citation; behind code and tables it would be part of them."""
        last_line = self._paragraph.rpartition("\n")[2].lstrip()
        return "\n\n" if last_line.startswith(("```", "|")) else " "


def citations(text: str, passages: Sequence[Citation]) -> tuple[Citation, ...]:
    """Those of the passages that a text cites, in order of appearance."""
    by_number = {passage.number: passage for passage in passages}
    cited = CitationFilter(by_number)
    cited.feed(text)
    return tuple(by_number[number] for number in cited.numbers)


def attribute(text: str, passages: Sequence[Citation]) -> int | None:
    """The number of the passage that an uncited text shares most wording with.

    Small models forget to cite. What they wrote is compared with each passage that they
    read by its character 4-grams. Of the passages that share enough of them, the one is
    taken whose shared grams are the rarest among the passages: a command that several
    show says less than the option that only one explains.

    Returns:
        None where no passage shares enough to say so.
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
