"""Small servers on loopback that speak what the hubs' real clients ask for."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

OWNER_NAME = "lab/tiny"
COMMIT = "c" * 40


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class HubServer:
    """Serves `files` with ranges; can break off or hang in the middle of one.

    Attributes:
        files: What the repository has.
        announced: What the listing says instead of a file's real SHA-256.
        breaks: How often a file's body ends half-way, by name.
        hangs: Files whose body stops half-way while the connection stays open.
        bodies: Every request for a file's content: its name and its Range header.
        headers: Headers of every request, by path.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.announced: dict[str, str] = {}
        self.breaks: dict[str, int] = {}
        self.hangs: set[str] = set()
        self.bodies: list[tuple[str, str | None]] = []
        self.headers: dict[str, Mapping[str, str]] = {}
        self.closing = threading.Event()
        self.address = ""

    @contextmanager
    def running(self) -> Iterator[Self]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.respond(self)

            def do_HEAD(self) -> None:
                hub.respond(self)

            def do_POST(self) -> None:
                hub.respond(self)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def respond(self, request: BaseHTTPRequestHandler) -> None:
        address = urlsplit(request.path)
        path = unquote(address.path)
        self.headers[path] = dict(request.headers)
        length = int(request.headers.get("Content-Length", 0))
        body = json.loads(request.rfile.read(length)) if length else None
        answer = self.answer(path, parse_qs(address.query), body)
        if isinstance(answer, str) and answer in self.files:
            self.send_file(request, answer)
        elif answer is None or isinstance(answer, str):
            self.send(request, 404, self.missing(), {"X-Error-Code": "EntryNotFound"})
        else:
            self.send(request, 200, answer)

    def answer(self, path: str, query: Mapping[str, list[str]], body: Any) -> Any:
        """Name of a file, JSON, or None for what is not there."""
        raise NotImplementedError

    def missing(self) -> Any:
        return {"error": "not found"}

    def listed_sha256(self, name: str) -> str:
        return self.announced.get(name, sha256(self.files[name]))

    def send(
        self, request: BaseHTTPRequestHandler, status: int, content: Any, headers: Any = None
    ) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "text/html" if isinstance(content, bytes) else "application/json"
        request.send_response(status)
        for key, value in {
            "Content-Type": kind,
            "Content-Length": str(len(raw)),
            **(headers or {}),
        }.items():
            request.send_header(key, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(raw)

    def send_file(self, request: BaseHTTPRequestHandler, name: str) -> None:
        content = self.files[name]
        asked = request.headers.get("Range")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        request.send_response(206 if asked else 200)
        request.send_header("Accept-Ranges", "bytes")
        request.send_header("Content-Length", str(len(content) - start))
        request.send_header("ETag", f'"{sha256(content)}"')
        request.send_header("X-Repo-Commit", COMMIT)
        if asked:
            last = len(content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        request.end_headers()
        if request.command == "HEAD":
            return
        self.bodies.append((name, asked))
        if self.breaks.get(name, 0) > 0:
            self.breaks[name] -= 1
            request.wfile.write(content[start : len(content) // 2])
            request.close_connection = True
        elif name in self.hangs:
            request.wfile.write(content[start : len(content) // 2])
            request.wfile.flush()
            while name in self.hangs and not self.closing.is_set():
                time.sleep(0.05)
            request.close_connection = True
        else:
            request.wfile.write(content[start:])


class HuggingFaceServer(HubServer):
    def answer(self, path: str, query: Mapping[str, list[str]], body: Any) -> Any:
        if path.startswith(f"/api/models/{OWNER_NAME}"):
            siblings = [self._sibling(name, blobs="blobs" in query) for name in self.files]
            return {"id": OWNER_NAME, "sha": COMMIT, "siblings": siblings, "tags": []}
        return path.partition(f"/{OWNER_NAME}/resolve/{COMMIT}/")[2] or None

    def _sibling(self, name: str, blobs: bool) -> dict[str, Any]:
        size = len(self.files[name])
        sibling: dict[str, Any] = {"rfilename": name}
        if blobs:
            sibling |= {"size": size, "blobId": "b" * 40}
        if blobs and not name.endswith(".json"):
            sibling["lfs"] = {"sha256": self.listed_sha256(name), "size": size, "pointerSize": 134}
        return sibling


class ModelScopeServer(HubServer):
    def answer(self, path: str, query: Mapping[str, list[str]], body: Any) -> Any:
        if path == f"/api/v1/models/{OWNER_NAME}/repo/files":
            files = [
                {
                    "Path": name,
                    "Name": name.rpartition("/")[2],
                    "Size": len(content),
                    "Sha256": self.listed_sha256(name),
                    "Type": "blob",
                }
                for name, content in self.files.items()
            ]
            folders = {name.rpartition("/")[0] for name in self.files} - {""}
            files += [{"Path": name, "Name": name, "Size": 0, "Type": "tree"} for name in folders]
            return {"Code": 200, "Success": True, "Message": "", "Data": {"Files": files}}
        if path == f"/api/v1/models/{OWNER_NAME}/repo":
            return query["FilePath"][0]
        return None

    def missing(self) -> Any:
        return {"Code": 10010205001, "Success": False, "Message": "not found", "Data": None}


class OpenXLabServer(HubServer):
    """`keys` are the access keys that signed in."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(files)
        self.keys: list[str] = []

    def answer(self, path: str, query: Mapping[str, list[str]], body: Any) -> Any:
        if path.endswith("/sso-be/api/v1/open/auth"):
            return _enveloped({"nonce": "n", "algorithm": "HmacSHA256"})
        if path.endswith("/sso-be/api/v1/open/getJwt"):
            self.keys.append(body["ak"])
            return _enveloped(
                {
                    "jwt": "signed-in",
                    "expiration": "2999-01-01 00:00:00",
                    "sso_uid": "1",
                    "refresh_token": "r",
                    "refresh_expiration": "2999-01-01 00:00:00",
                }
            )
        if path.endswith("/model-center/api/v1/cli/repository/getFileDownloadUrl"):
            if f"{body['userName']}/{body['repositoryName']}" != OWNER_NAME:
                return _enveloped(None, code="20001", message="model repo not exist")
            files = {
                name: {
                    "url": f"{self.address}/content/{name}?signature=1",
                    "fileName": name,
                    "hash": hashlib.md5(content).hexdigest(),
                }
                for name, content in self.files.items()
            }
            return _enveloped({"modelNames": {}, "filePaths": files})
        return path.partition("/content/")[2] or None


def _enveloped(data: Any, code: str = "10000", message: str = "ok") -> dict[str, Any]:
    inner = {"msgCode": code, "msg": message, "traceId": "t", "data": data}
    return {"msgCode": "10000", "msg": "ok", "traceId": "t", "data": inner}


class PackageIndex(HubServer):
    """A simple index (PEP 503); `files` are wheels by their file name."""

    def answer(self, path: str, query: Mapping[str, list[str]], body: Any) -> Any:
        if path.startswith("/simple/"):
            project = path.split("/")[2]
            wheels = [name for name in self.files if _project(name) == project]
            lines = [
                f'<a href="/wheels/{name}#sha256={self.listed_sha256(name)}">{name}</a>'
                for name in wheels
            ]
            return "\n".join(["<!DOCTYPE html>", *lines]).encode() if wheels else None
        return path.removeprefix("/wheels/")


def _project(wheel: str) -> str:
    return wheel.split("-", maxsplit=1)[0].replace("_", "-")


def wheel(package: str, version: str, member: str, content: bytes) -> tuple[str, bytes]:
    """File name and bytes of a wheel with one file of data and one module."""
    name = package.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/__init__.py", "raise RuntimeError('imported')")
        archive.writestr(f"{name}/{member}", content)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}-{version}-py3-none-any.whl", packed.getvalue()
