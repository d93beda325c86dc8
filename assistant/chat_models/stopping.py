"""Ends a text before a stop sequence, though pieces come one by one; knows no models."""

from __future__ import annotations

from collections.abc import Sequence


class StopFilter:
    """Passes text on as soon as it cannot be the beginning of a stop sequence any more.

    Attributes:
        stopped: Whether a stop sequence was found; nothing is passed on from then on.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = [sequence for sequence in sequences if sequence]
        self._held = ""
        self.stopped = False

    def feed(self, piece: str) -> str:
        """Take the next piece; give the text that is certain, possibly empty."""
        if self.stopped:
            return ""
        text = self._held + piece
        found = [at for sequence in self._sequences if (at := text.find(sequence)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        held = max((_overlap(text, sequence) for sequence in self._sequences), default=0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def flush(self) -> str:
        """The text ended: give what was held back."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, sequence: str) -> int:
    """Length of the longest end of `text` with which `sequence` begins."""
    longest = min(len(text), len(sequence) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(sequence[:n])), 0)
