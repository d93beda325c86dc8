"""Progress on a terminal and elsewhere."""

from __future__ import annotations

import io
import logging

import pytest

from assistant.commands.terminal_progress import BarFriendlyHandler, TerminalProgress, say


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that the test moves on."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_terminal_shows_a_bar_and_takes_it_away() -> None:
    stream = Terminal()
    progress = TerminalProgress(stream)
    progress("read docs", 0, 10, "files")
    progress("read docs", 5, 10, "files")
    progress("embed", 0, 10, "chunks")
    shown = stream.getvalue()
    assert "read docs" in shown
    assert "0/10" in shown
    assert "files/s" in shown
    assert "embed" in shown
    progress("embed", 10, 10, "chunks")
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().endswith("\r")


def test_a_bar_says_what_it_is_at() -> None:
    stream = Terminal()
    progress = TerminalProgress(stream)
    progress("embed", 0, 10, "chunks", at="lmdeploy")
    assert ", lmdeploy]" in stream.getvalue()
    progress("embed", 10, 10, "chunks", at="xtuner")


def test_bytes_are_scaled() -> None:
    stream = Terminal()
    progress = TerminalProgress(stream)
    progress("fetch docs", 3 << 20, None, "B")
    progress("fetch docs", 3 << 20, 6 << 20, "B")
    say("A line.", stream)
    assert "3.00M" in stream.getvalue()
    assert "B/s" in stream.getvalue()
    assert "A line.\n" in stream.getvalue()
    progress("fetch docs", 6 << 20, 6 << 20, "B")


def test_elsewhere_only_long_stages_get_a_line() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = TerminalProgress(stream, long_seconds=5, clock=clock)
    for stage, seconds in (("short", 4.0), ("long", 61.4)):
        for done in range(11):
            clock.seconds += seconds / 10 if done else 0
            progress(stage, done, 10, "chunks")
    progress("fetch", 0, None, "B")
    clock.seconds += 7
    progress("fetch", 3 << 20, 3 << 20, "B")
    progress("unfinished", 0, 10, "chunks")
    clock.seconds += 60
    progress("at once", 10, 10, "chunks")
    assert stream.getvalue() == "long: 10 chunks in 61 s\nfetch: 3.00MB in 7 s\n"


def test_a_stage_can_come_again() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = TerminalProgress(stream, long_seconds=5, clock=clock)
    for _ in range(2):
        progress("write", 0, 2, "chunks")
        clock.seconds += 6
        progress("write", 2, 2, "chunks")
        progress("write", 2, 2, "chunks")
    assert stream.getvalue() == "write: 2 chunks in 6 s\n" * 2


def test_log_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.Logger("test")
    logger.addHandler(BarFriendlyHandler())
    logger.info("%s files", 3)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "3 files\n")
