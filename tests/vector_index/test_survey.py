"""Looking at several sources at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from assistant.documents import Source
from assistant.errors import SourceUnreachableError
from assistant.progress import Progress, silent
from assistant.sources import Checkout
from assistant.vector_index.survey import Survey, survey

LIMIT = 20  # seconds that nothing here takes


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    found = [Source(name, folder=tmp_path / name) for name in ("b", "a", "c")]
    for source in found:
        assert source.folder
        source.folder.mkdir()
        (source.folder / "page.md").write_text(f"Page of {source.name}.")
    return found


def checkout_of(source: Source) -> Checkout:
    assert source.folder
    return Checkout(source, source.folder, "")


def look(sources: list[Source], fetch, progress: Progress = silent) -> Survey:  # type: ignore[no-untyped-def]
    return survey(
        sources, fetch, None, max_file_bytes=1000, python_sources=False, progress=progress
    )


def test_sources_are_fetched_at_once_and_kept_in_order(sources: list[Source]) -> None:
    all_there = threading.Barrier(len(sources))

    def fetch(source: Source, progress: Progress) -> Checkout:
        all_there.wait(LIMIT)
        if source.name == "a":
            raise SourceUnreachableError("a is away", expected="a", action="Wait.")
        return checkout_of(source)

    found = look(sources, fetch)
    first, second, third = found.checkouts
    assert isinstance(first, Checkout) and first.source.name == "b"
    assert isinstance(second, tuple) and second[0] == "a"
    assert isinstance(third, Checkout) and third.source.name == "c"
    assert list(found.fingerprints) == ["b/page.md", "c/page.md"]


def test_the_bytes_of_all_are_one_stage(sources: list[Source]) -> None:
    seen = []

    def fetch(source: Source, progress: Progress) -> Checkout:
        progress(f"fetch {source.name}", 10, None, "B")
        progress(f"fetch {source.name}", 30, 30, "B")
        return checkout_of(source)

    look(sources, fetch, lambda *report: seen.append(report))
    fetched = [report for report in seen if report[0] == "fetch sources"]
    assert max(done for _, done, _, _ in fetched) == 90
    assert fetched[-1] == ("fetch sources", 90, 90, "B")
    assert all(total is None for _, _, total, _ in fetched[:-1])


def test_an_interruption_ends_what_is_being_fetched(sources: list[Source]) -> None:
    began, ended = threading.Event(), threading.Event()

    def fetch(source: Source, progress: Progress) -> Checkout:
        if source.name == "b":
            return checkout_of(source)
        began.set()
        try:
            ends = time.monotonic() + LIMIT
            while time.monotonic() < ends:
                progress("fetch", 1, None, "B")
                time.sleep(0.01)
        finally:
            ended.set()
        return checkout_of(source)

    def interrupted(stage: str, done: int, total: int | None, unit: str) -> None:
        if stage == "look at b":
            began.wait(LIMIT)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        look(sources, fetch, interrupted)
    assert ended.is_set()
    assert time.monotonic() - started < LIMIT / 2
