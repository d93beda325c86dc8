"""Fetching several sources at once, each only once."""

from __future__ import annotations

import _thread
import io
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from assistant.commands.terminal_progress import TerminalProgress
from assistant.documents import Source
from assistant.errors import SourceUnreachableError
from assistant.indexing.fetching import SourceFetcher, fetch_all
from assistant.indexing.survey import FileRules, Survey, survey
from assistant.progress import Progress, silent
from assistant.sources import Checkout
from tests.fakes import Reports

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
    return survey(sources, fetch, None, FileRules(1000), progress)


def test_sources_are_fetched_at_once_and_kept_in_order(sources: list[Source]) -> None:
    all_there = threading.Barrier(len(sources))

    def fetch(source: Source, progress: Progress) -> Checkout:
        all_there.wait(LIMIT)
        if source.name == "a":
            raise SourceUnreachableError("a is away", expected="a", action="Wait.")
        return checkout_of(source)

    found = look(sources, fetch)
    assert [(outcome.name, outcome.status) for outcome in found.outcomes] == [
        ("b", "ok"),
        ("a", "failed"),
        ("c", "ok"),
    ]
    assert list(found.fingerprints) == ["b/page.md", "c/page.md"]


INTERRUPTED = """
import sys
from pathlib import Path
from assistant.documents import Source
from assistant.progress import silent
from assistant.sources import fetch
from assistant.indexing.fetching import fetch_all
try:
    fetch_all(
        [Source("tool", git=tuple(sys.argv[2:]))],
        lambda source, progress: fetch(
            source, folder=Path(sys.argv[1]), timeout_seconds=60, progress=progress
        ),
        silent,
    )
except KeyboardInterrupt:
    print("interrupted")
"""


@contextmanager
def surveying(clones: Path, *addresses: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", INTERRUPTED, str(clones), *addresses]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def interrupted_soon(process: subprocess.Popen[str]) -> None:
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=LIMIT)[0] == "interrupted\n"
    assert time.monotonic() - started < 4


def test_ctrl_c_ends_git_and_no_other_address_is_tried(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with surveying(tmp_path, f"{address}/one", f"{address}/two") as process:
            connection, _ = server.accept()  # git has asked, and waits for an answer
            with connection:
                interrupted_soon(process)


def test_ctrl_c_ends_the_wait_for_another_process(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".tool.lock"), surveying(tmp_path, "file:///nowhere") as process:
        time.sleep(2)  # until it waits
        assert process.poll() is None
        interrupted_soon(process)


def test_a_long_fetch_is_told_where_nobody_watches(sources: list[Source]) -> None:
    now = [0.0]
    stream = io.StringIO()
    progress = TerminalProgress(stream, clock=lambda: now[0])

    def fetch(source: Source, progress: Progress) -> Checkout:
        progress(f"fetch {source.name}", 1 << 20, None, "B")
        now[0] = 60.0
        return checkout_of(source)

    look(sources, fetch, progress)
    assert stream.getvalue() == "fetch sources: 3.00MB in 60 s\n"


def test_the_bytes_of_all_are_one_stage(sources: list[Source]) -> None:
    seen = Reports()

    def fetch(source: Source, progress: Progress) -> Checkout:
        progress(f"fetch {source.name}", 10, None, "B")
        progress(f"fetch {source.name}", 30, 30, "B")
        return checkout_of(source)

    look(sources, fetch, seen)
    fetched = [report for report in seen if report[0] == "fetch sources"]
    assert max(done for _, done, _, _ in fetched) == 90
    assert fetched[-1] == ("fetch sources", 90, 90, "B")
    assert all(total is None for _, _, total, _ in fetched[:-1])


def test_an_interruption_ends_what_is_being_fetched(sources: list[Source]) -> None:
    all_began, ended = threading.Barrier(len(sources) + 1), threading.Event()

    def fetch(source: Source, progress: Progress) -> Checkout:
        all_began.wait(LIMIT)
        try:
            ends = time.monotonic() + LIMIT
            while time.monotonic() < ends:
                progress("fetch", 1, None, "B")
                time.sleep(0.01)
        finally:
            ended.set()
        return checkout_of(source)

    def interrupt() -> None:
        all_began.wait(LIMIT)
        time.sleep(0.2)  # until the main thread has started the last of them, and waits
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch_all(sources, fetch, silent)
    assert ended.is_set()
    assert time.monotonic() - started < LIMIT / 2


def test_each_source_is_asked_once_and_its_error_is_remembered(sources: list[Source]) -> None:
    asked: list[str] = []

    def fetch(source: Source, progress: Progress) -> Checkout:
        asked.append(source.name)
        if source.name == "a":
            raise SourceUnreachableError("a is away", expected="a", action="Wait.")
        return checkout_of(source)

    fetcher = SourceFetcher(fetch)
    for _ in range(2):
        found = {source.name: outcome for source, outcome in fetch_all(sources, fetcher, silent)}
        assert isinstance(found["a"], SourceUnreachableError)
        assert found["b"] == checkout_of(sources[0])
    assert sorted(asked) == ["a", "b", "c"]
