"""Cuts streamed text at a stop sequence, even one split across pieces."""

from __future__ import annotations

from collections.abc import Sequence


class StopFilter:
    """Passes text through, holding back whatever may be the start of a stop sequence.

    Attributes:
        stopped: Whether a stop sequence was found; later text is discarded.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = [sequence for sequence in sequences if sequence]
        self._held = ""
        self.stopped = False

    def feed(self, piece: str) -> str:
        """Take the next piece; return the text that can be shown, possibly empty."""
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
        """Return the text held back, at the end of the stream."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, sequence: str) -> int:
    """Length of the longest suffix of `text` that is a proper prefix of `sequence`."""
    longest = min(len(text), len(sequence) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(sequence[:n])), 0)
