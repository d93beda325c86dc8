"""Shows how far long work is: a bar on a terminal, else a line for each long stage."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

# tqdm is loaded where a terminal shows a bar.

_LONG_SECONDS = 5.0


class TerminalProgress:
    """A `Progress` for people who watch standard error.

    On a terminal one bar with rate and time left, removed when its stage ends or another
    begins. Elsewhere nothing but a line for each finished stage that took more than
    `long_seconds`.

    Args:
        stream: Where to show it; standard error if None.
        long_seconds: How long a stage is not worth a line.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        long_seconds: float = _LONG_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._long_seconds = long_seconds
        self._clock = clock
        self._stage: str | None = None
        self._began = 0.0
        self._bar: tqdm[NoReturn] | None = None

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, *, at: str = ""
    ) -> None:
        """Take note of the report."""
        finished = total is not None and done >= total
        if stage != self._stage:
            self._end()
            if finished:
                return  # Begun and ended at once: nothing to watch.
            self._begin(stage, total, unit, at)
        if self._bar is not None:
            self._bar.total = total
            self._bar.set_postfix_str(at, refresh=False)
            self._bar.update(done - self._bar.n)
        if finished:
            seconds = self._clock() - self._began
            self._end()
            if seconds > self._long_seconds:
                say(f"{stage}: {_amount(done, unit)} in {seconds:.0f} s", self._stream)

    def _begin(self, stage: str, total: int | None, unit: str, at: str) -> None:
        self._stage, self._began = stage, self._clock()
        if self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                desc=stage,
                total=total,
                unit="B" if unit == "B" else f" {unit}",
                unit_scale=unit == "B",
                unit_divisor=1024 if unit == "B" else 1000,
                file=self._stream,
                leave=False,
                dynamic_ncols=True,
                postfix=at,
            )

    def _end(self) -> None:
        self._stage = None
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class BarFriendlyHandler(logging.Handler):
    """Writes log lines above a bar, not into it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        say(self.format(record))


def say(text: str, stream: TextIO | None = None) -> None:
    """A line for people, above the bar if one is shown."""
    stream = sys.stderr if stream is None else stream
    if stream.isatty():
        from tqdm import tqdm

        tqdm.write(text, file=stream)
    else:
        print(text, file=stream)
    stream.flush()


def _amount(done: int, unit: str) -> str:
    if unit == "B":
        from tqdm import tqdm

        return f"{tqdm.format_sizeof(done, 'B', 1024)}"
    return f"{done} {unit}"
