"""How long work reports where it is; knows nothing of what is done with the report."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the name of the stage, what is done and, where known, how much there is.

    `unit` is "B" for bytes, else a plural noun such as "chunks". `at` is what the stage is
    at now, such as a source. A stage is finished when `done == total`.
    """

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, *, at: str = ""
    ) -> None:
        """Take note of the report."""


def silent(stage: str, done: int, total: int | None, unit: str, *, at: str = "") -> None:
    """Report nothing."""
