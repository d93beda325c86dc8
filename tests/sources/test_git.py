"""Git commands that take too long or are interrupted, and what is asked of the network."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from pathlib import Path

import pytest

from assistant.documents import Source
from assistant.errors import SourceError, SourceUnreachableError
from assistant.sources import fetch
from assistant.sources.git import GitCommandError, run_git, without_password
from tests.fakes import Reports
from tests.sources.repositories import Repository, git_answer, http_server, make_repository

SECONDS = 10.0


def pack_kib(folder: Path) -> int:
    """The size of packs in a clone, as git counts it."""
    lines = Repository(folder).git("count-objects", "-v").splitlines()
    return int(dict(line.split(": ") for line in lines)["size-pack"])


def objects(folder: Path) -> set[str]:
    """The objects that are in a clone; some packs repeat one, to tell the difference to it."""
    listed = Repository(folder).git("cat-file", "--batch-all-objects", "--batch-check")
    return set(listed.splitlines())


@pytest.fixture
def large(tmp_path: Path) -> Repository:
    """Twenty pages beside forty pictures of 100 KB."""
    noise = random.Random(0)
    pages: dict[str, str | bytes] = {
        f"docs/{number}.md": f"# Page {number}\n" * 20 for number in range(20)
    }
    pictures = {f"img/{number}.png": noise.randbytes(100_000) for number in range(40)}
    return make_repository(tmp_path / "large", {**pages, **pictures})


def test_less_is_transferred_than_by_a_shallow_clone(
    large: Repository, tmp_path: Path, clones: Path
) -> None:
    large.commit({"docs/0.md": "# Changed\n"})
    large.git("clone", "--quiet", "--depth=1", large.address, str(tmp_path / "plain"))
    checkout = fetch(Source("tool", git=(large.address,)), folder=clones, timeout_seconds=60)
    ours = objects(checkout.folder)
    # One commit, three trees and the pages, and no picture.
    assert len(ours) == 1 + 3 + 20
    assert len(objects(tmp_path / "plain")) == len(ours) + 40
    assert pack_kib(checkout.folder) * 100 < pack_kib(tmp_path / "plain")

    large.commit({"docs/1.md": "# Changed, too\n", "img/1.png": b"changed"})
    fetch(checkout.source, folder=clones, timeout_seconds=60)
    # One commit, three trees and one page.
    assert len(objects(checkout.folder) - ours) == 1 + 3 + 1


def test_requests_and_bytes(large: Repository, clones: Path) -> None:
    pages = {f"guide/{number // 40}/{number}.md": f"# {number}\n" for number in range(400)}
    large.commit(pages)
    source_of, asked = git_answer(large.folder.parent), []

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile = CountingWriter(request.wfile)  # type: ignore[assignment]
        source_of(request)
        asked.append(request.wfile.count)  # type: ignore[attr-defined]

    def cost(source: Source) -> tuple[int, int]:
        asked.clear()
        fetch(source, folder=clones, timeout_seconds=60)
        return len(asked), sum(asked)

    with http_server(answer) as server:
        source = Source("tool", git=(f"{server}/large/.git",))
        first = cost(source)
        # A greeting and a question each: which commit, its trees, and all contents at once.
        assert first[0] == 6
        assert cost(source)[0] == 2
        large.commit({"guide/3/130.md": "# Changed\n"})
        # Four objects and the servers' greetings, not the trees of all folders again.
        requests, arrived = cost(source)
        assert requests == 6
        assert arrived < 3000 < first[1] / 5


class CountingWriter:
    """Counts the bytes of an answer."""

    def __init__(self, file: BufferedIOBase) -> None:
        self.file, self.count = file, 0

    def write(self, content: bytes) -> int:
        self.count += len(content)
        return self.file.write(content)

    def __getattr__(self, name: str) -> object:
        return getattr(self.file, name)


def test_the_bytes_that_arrive_are_reported(large: Repository, clones: Path) -> None:
    reports = Reports()
    fetch(
        Source("tool", git=(large.address,), include=("**",)),
        folder=clones,
        timeout_seconds=60,
        progress=reports,
    )
    assert reports[0] == ("fetch tool", 0, None, "B")
    stage, done, total, unit = reports[-1]
    assert (stage, unit) == ("fetch tool", "B")
    assert done == total
    assert done > 4_000_000


def closes(connection: socket.socket) -> bool:
    """Whether the other side is gone within a few seconds."""
    connection.settimeout(SECONDS)
    while connection.recv(1024):
        pass
    return True


def test_a_timeout_ends_every_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/repository"
        source = Source("tool", git=(address,))
        started = time.monotonic()
        with pytest.raises(SourceUnreachableError, match="timed out after 1 s"):
            fetch(source, folder=tmp_path, timeout_seconds=1)
        assert time.monotonic() - started < SECONDS
        server.settimeout(SECONDS)
        connection, _ = server.accept()
        with connection:
            assert closes(connection)


INTERRUPTED = """
import sys
from pathlib import Path
from assistant.documents import Source
from assistant.sources import fetch
try:
    fetch(Source("tool", git=(sys.argv[1],)), folder=Path(sys.argv[2]), timeout_seconds=60)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interruption_ends_every_process(clones: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/repository"
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, address, str(clones)],
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        server.settimeout(SECONDS)
        connection, _ = server.accept()  # git has asked, and waits for an answer
        with connection:
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=SECONDS)[0] == "interrupted\n"
            assert closes(connection)
    assert [entry.name for entry in clones.iterdir()] == [".tool.lock"]


def test_the_words_of_git_are_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(GitCommandError, match="not a git command") as caught:
        run_git(["nonsense"], folder=tmp_path, timeout_seconds=5, clone=False)
    assert not caught.value.timed_out


def test_a_machine_without_git(
    upstream: Repository, clones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match="git is not installed") as caught:
        fetch(Source("tool", git=(upstream.address,)), folder=clones, timeout_seconds=5)
    assert "apt-get install git" in caught.value.action


@pytest.mark.parametrize(
    ("words", "property_name"),
    [
        ("remote: Repository not found. fatal: repository 'https://a/b/' not found", "not_found"),
        ("fatal: could not read Username for 'https://a': terminal prompts disabled", "not_found"),
        ("ERROR: Repository not found. fatal: Could not read from remote", "not_found"),
        ("git@a: Permission denied (publickey).", "not_found"),
        ("fatal: remote error: access denied or repository not exported: /x", "not_found"),
        ("remote: Not Found fatal: Authentication failed for 'https://a'", "not_found"),
        ("fatal: remote error: upload-pack: not our ref 0123", "no_revision"),
        ("fatal: couldn't find remote ref refs/heads/x", "no_revision"),
        ("fatal: write error: No space left on device", "is_local"),
        ("fatal: Unable to create '/x/.git/index.lock': File exists.", "is_local"),
        ("fatal: unable to access 'https://a/': Could not resolve host: a", ""),
        ("fatal: unable to access 'https://a/': CONNECT tunnel failed, response 403", ""),
        ("ssh: connect to host a port 22: Connection timed out", ""),
    ],
)
def test_what_the_words_of_git_mean(words: str, property_name: str) -> None:
    error = GitCommandError(words)
    names = ("not_found", "no_revision", "is_local")
    assert [name for name in names if getattr(error, name)] == [property_name] * bool(property_name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:hunter2@a/b", "https://***@a/b"),
        ("https://user:p@ss@a/b", "https://***@a/b"),
        ("https://user:p/ss?x@a/b", "https://***@a/b"),
        ("https://token@a/b, then ssh://git@c/d", "https://***@a/b, then ssh://***@c/d"),
        ("https://a/b?private_token=hunter2", "https://a/b?***"),
        ("'https://u:p@a/b?private_token=p' not found", "'https://***@a/b?***' not found"),
        ("https://a/b: is it there?", "https://a/b: is it there?"),
        ("git@a:b/c and a@b", "git@a:b/c and a@b"),
        ("file:///home/a@b/c", "file:///home/a@b/c"),
    ],
)
def test_addresses_are_shown_without_secrets(text: str, shown: str) -> None:
    assert without_password(text) == shown


def test_words_of_a_server_do_not_steer_the_terminal(tmp_path: Path) -> None:
    words = ["-c", "alias.x=!printf 'remote: \\033[31mred\\rFAKE\\n' >&2; exit 1", "x"]
    with pytest.raises(GitCommandError) as caught:
        run_git(words, folder=tmp_path, timeout_seconds=5, clone=False)
    assert caught.value.words.isprintable()
    assert "red" in caught.value.words
