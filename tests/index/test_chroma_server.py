"""The same build and the same questions against a real Chroma server on loopback.

`chroma run` has no authentication of its own, so a small proxy stands before it where a
token is asked for, as a reverse proxy does in earnest.
"""

from __future__ import annotations

import http.client
import http.server
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.documents import Source
from assistant.errors import IndexMismatchError, IndexServerError, SettingsError
from assistant.index import ChromaServer, LiveIndex, open_version
from assistant.index.chroma import server_client
from assistant.indexing import BuildReport
from assistant.indexing.build import build_index
from assistant.indexing.job import BuildPlan
from assistant.indexing.survey import FileRules
from assistant.sources import fetch
from tests.fakes import HashEmbedder
from tests.opened import nearest_in
from tests.sources.repositories import silent_server

TOKEN = "let-me-in"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """`chroma run` in a folder; can be stopped and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.start()

    def start(self) -> None:
        program = shutil.which("chroma", path=str(Path(sys.executable).parent)) or "chroma"
        command = [program, "run", "--path", str(self.folder), "--host", "127.0.0.1"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the server does not start")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("chroma"))
    yield server
    server.stop()


@pytest.fixture
def address(server: Server) -> ChromaServer:
    return ChromaServer(f"http://127.0.0.1:{server.port}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(12):
        words = " ".join(f"w{number}x{word}" for word in range(30))
        (folder / f"p{number}.md").write_text(f"# Page {number}\n\n{words}\n", encoding="utf-8")
    return folder


def build(folder: Path, db: Path, server: ChromaServer | None) -> BuildReport:
    return build_index(
        [Source("docs", folder=folder)],
        lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
        db,
        HashEmbedder(),
        BuildPlan(60, FileRules(1_000_000), server=server),
    )


def collections_at(address: ChromaServer) -> set[str]:
    return {collection.name for collection in server_client(address).list_collections()}


def test_embedded_and_server_give_the_same_hits(
    folder: Path, tmp_path: Path, address: ChromaServer
) -> None:
    embedder = HashEmbedder()
    build(folder, tmp_path / "embedded", None)
    build(folder, tmp_path / "server", address)
    embedded = open_version(tmp_path / "embedded", embedder)
    served = open_version(tmp_path / "server", embedder, address)
    assert not (served.folder / "chroma.sqlite3").exists()
    for question in ("w3x1 w3x2", "Page 7", "w5x5 w6x6"):
        vector = embedder.encode_queries([question])[0]
        hits = [dict(nearest_in(opened.store, vector, 12)) for opened in (embedded, served)]
        assert len(hits[0]) == 12
        assert hits[0].keys() == hits[1].keys()
        for chunk, score in hits[0].items():
            assert hits[1][chunk] == pytest.approx(score, abs=1e-6)
    embedded.close()
    served.close()


def test_updates_switch_and_clear_away(folder: Path, tmp_path: Path, address: ChromaServer) -> None:
    db, embedder = tmp_path / "db", HashEmbedder()
    before = collections_at(address)
    build(folder, db, address)
    assert not build(folder, db, address).changed
    now = [0.0]
    live = LiveIndex(db, embedder, address, clock=lambda: now[0])
    for number in (20, 21, 22):
        words = " ".join(f"w{number}x{word}" for word in range(30))
        (folder / f"p{number}.md").write_text(f"# Page {number}\n\n{words}\n", encoding="utf-8")
        assert build(folder, db, address).embedded == 1
        now[0] += 2
        vector = embedder.encode_queries([words])[0]
        with live.current() as opened:
            assert nearest_in(opened.store, vector, 1)[0][0].path == f"p{number}.md"
    live.close()
    assert len(collections_at(address) - before) <= 3  # in use, before, and held by the app
    build(folder, db, address)
    assert len(collections_at(address) - before) == 2


def test_a_restarted_server_is_asked_again(folder: Path, tmp_path: Path) -> None:
    server = Server(tmp_path / "chroma")
    address, embedder = ChromaServer(f"http://127.0.0.1:{server.port}"), HashEmbedder()
    try:
        build(folder, tmp_path / "db", address)
        opened = open_version(tmp_path / "db", embedder, address)
        vector = embedder.encode_queries(["Page 7"])[0]
        hits = nearest_in(opened.store, vector, 3)
        server.stop()
        with pytest.raises(IndexServerError, match="does not respond"):
            nearest_in(opened.store, vector, 3)
        server.start()
        assert nearest_in(opened.store, vector, 3) == hits
        opened.close()
    finally:
        server.stop()


def test_another_place_of_the_vectors_is_refused(
    folder: Path, tmp_path: Path, address: ChromaServer
) -> None:
    build(folder, tmp_path / "db", None)
    with pytest.raises(IndexMismatchError, match="ASSISTANT_CHROMA_URL"):
        open_version(tmp_path / "db", HashEmbedder(), address)
    moved = build(folder, tmp_path / "db", address)
    assert moved.changed
    assert moved.embedded == 0
    open_version(tmp_path / "db", HashEmbedder(), address).close()


def test_a_server_that_never_answers() -> None:
    with silent_server() as address, pytest.raises(IndexServerError, match="does not respond"):
        server_client(ChromaServer(address.removesuffix("/repository"), heartbeat_seconds=0.3))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="POSIX only")
def test_a_server_that_stops_answering_is_not_waited_for(folder: Path, tmp_path: Path) -> None:
    server, db = Server(tmp_path / "server"), tmp_path / "db"
    at = ChromaServer(f"http://127.0.0.1:{server.port}", answer_seconds=0.5)
    try:
        build(folder, db, at)
        opened = open_version(db, HashEmbedder(), at)
        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(IndexServerError, match="does not respond"):
            len(opened.store)
    finally:
        server.process.send_signal(signal.SIGCONT)
        server.stop()


def test_no_server_and_no_address(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexServerError, match="does not respond"):
        build(folder, tmp_path / "db", ChromaServer(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(SettingsError, match="ASSISTANT_CHROMA_URL"):
        build(folder, tmp_path / "db", ChromaServer("somewhere"))


def guard(port: int, header: str, value: str) -> http.server.ThreadingHTTPServer:
    """A proxy that lets requests pass which carry the header."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get(header) != value:
                status, answer = 401, b'{"error": "Unauthorized"}'
            else:
                connection = http.client.HTTPConnection("127.0.0.1", port)
                kept = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                connection.request(self.command, self.path, body, kept)
                response = connection.getresponse()
                status, answer = response.status, response.read()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    return proxy


@pytest.mark.parametrize(
    ("header", "value"), [("Authorization", f"Bearer {TOKEN}"), ("X-Chroma-Token", TOKEN)]
)
def test_a_token_is_sent(
    folder: Path, tmp_path: Path, server: Server, header: str, value: str
) -> None:
    proxy = guard(server.port, header, value)
    url = f"http://127.0.0.1:{proxy.server_address[1]}"
    try:
        build(folder, tmp_path / "db", ChromaServer(url, TOKEN, header))
        open_version(tmp_path / "db", HashEmbedder(), ChromaServer(url, TOKEN, header)).close()
        with pytest.raises(IndexServerError, match="rejects"):
            open_version(tmp_path / "db", HashEmbedder(), ChromaServer(url, "wrong", header))
    finally:
        proxy.shutdown()
        proxy.server_close()
