"""Files to chunks beside the encoder: order, errors, and a file that hangs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant.documents import Source, SourceFile
from assistant.indexing.parsing import Parsed, parsing

HANGS = 60  # seconds, longer than anything here takes


@dataclass
class Parser:
    """Says each file's name as the reason; hangs or breaks where the name says so."""

    def parse(self, file: SourceFile) -> Parsed:
        if "hangs" in file.path:
            time.sleep(HANGS)
        if "breaks" in file.path:
            raise ZeroDivisionError(file.path)
        return Parsed(reason=f"read {file.path}")


def files(*names: str) -> list[SourceFile]:
    source = Source("docs", folder=Path("docs"))
    return [SourceFile(source, name, Path("docs", name), "") for name in names]


def parsed(names: list[str], workers: int, **options: float) -> list[tuple[str, str]]:
    with parsing(files(*names), Parser, workers, **options) as outcomes:  # type: ignore[arg-type]
        return [(file.path, outcome.reason) for file, outcome in outcomes]


MANY = [f"{number}.md" for number in range(60)]


@pytest.mark.parametrize(("names", "workers"), [([], 2), (["a.md"], 2), (MANY, 0), (MANY, 2)])
def test_every_file_once_and_in_order(names: list[str], workers: int) -> None:
    assert parsed(names, workers) == [(name, f"read {name}") for name in names]


@pytest.mark.parametrize(("workers", "limit"), [(0, 0.5), (1, 8.0), (2, 8.0)])  # they have to start
def test_a_file_that_hangs_is_skipped_and_the_others_are_read(workers: int, limit: float) -> None:
    names = [*MANY[:30], "hangs.md", *MANY[30:], "hangs too.md"]
    started = time.monotonic()
    outcomes = parsed(names, workers, limit_seconds=limit)
    assert time.monotonic() - started < HANGS
    assert [name for name, _ in outcomes] == names
    hung = {name for name, reason in outcomes if reason == "took too long to read"}
    assert hung == {"hangs.md", "hangs too.md"}
    assert all(reason == f"read {name}" for name, reason in outcomes if name not in hung)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_ours_comes_out(workers: int) -> None:
    with pytest.raises(ZeroDivisionError, match=r"breaks\.md"):
        parsed([*MANY, "breaks.md"], workers)
