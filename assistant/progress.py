"""The interface through which long-running work reports its progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A callable that receives progress reports.

    A stage is finished when `done == total`. A callable may raise to end the work.
    """

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, *, at: str = ""
    ) -> None:
        """Receive one report.

        Args:
            stage: Name of the stage.
            done: Amount done so far.
            total: Amount in all; None if unknown.
            unit: "B" for bytes, otherwise a plural noun such as "chunks".
            at: The item being worked on, such as a source.
        """


def silent(stage: str, done: int, total: int | None, unit: str, *, at: str = "") -> None:
    """Ignore the report."""
