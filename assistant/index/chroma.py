"""Creates Chroma clients, for a folder in this process or for a server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from assistant.errors import IndexServerError, SettingsError

_PORTS = {"http": 8000, "https": 443}


@dataclass(frozen=True, slots=True)
class ChromaServer:
    """Address, credentials and time limits of a Chroma server.

    Attributes:
        url: Address, such as http://127.0.0.1:8000.
        token: Sent as a bearer token or in the header below; empty for none.
        token_header: "Authorization" or "X-Chroma-Token".
        heartbeat_seconds: Time limit for the first response.
        answer_seconds: Time limit for each response, including writes of a thousand chunks.
    """

    url: str
    token: str = field(default="", repr=False)
    token_header: str = "Authorization"  # noqa: S105 (the name of a header)
    heartbeat_seconds: float = 10.0
    answer_seconds: float = 60.0


def embedded_client(folder: Path) -> Any:
    """Return a client of the database in `folder`, which is created if missing."""
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    try:
        return chromadb.PersistentClient(str(folder), settings=settings)
    except AttributeError:  # Chroma's cache of a failed open, which this attempt cleared
        return chromadb.PersistentClient(str(folder), settings=settings)


@contextmanager
def where_chroma_opens(folder: Path) -> Iterator[Path]:
    """Yield the folder, or a writable copy if it is read-only: opening writes to it."""
    database = folder / "chroma.sqlite3"
    if not database.is_file() or os.access(database, os.W_OK):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="index-", ignore_cleanup_errors=True) as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        yield Path(copy)


def server_client(server: ChromaServer) -> Any:
    """Connect to a server.

    Raises:
        SettingsError: The address is invalid.
        IndexServerError: The server does not respond, or rejects the token.
    """
    import chromadb
    import httpx
    from chromadb.config import Settings
    from chromadb.errors import ChromaError

    address = check_address(server.url)
    options: dict[str, Any] = {"anonymized_telemetry": False}
    if server.token:
        options |= {
            "chroma_client_auth_provider": "chromadb.auth.token_authn.TokenAuthClientProvider",
            "chroma_client_auth_credentials": server.token,
            "chroma_auth_token_transport_header": server.token_header,
        }
    try:
        heartbeat = f"{server.url.rstrip('/')}/api/v2/heartbeat"
        httpx.get(heartbeat, timeout=server.heartbeat_seconds)
        client: Any = chromadb.HttpClient(
            host=server.url if address.path.strip("/") else str(address.hostname),
            port=address.port or _PORTS[address.scheme],
            ssl=address.scheme == "https",
            settings=Settings(**options),
        )
        # Chroma sets no timeout on its HTTP client and has no public option for it.
        client._server._session.timeout = httpx.Timeout(server.answer_seconds)  # noqa: SLF001 (chromadb has no option for it)
    except (httpx.HTTPError, ChromaError, ValueError) as error:
        raise server_error(server.url, error) from error
    return client


def check_address(url: str) -> SplitResult:
    """Parse a server's address.

    Raises:
        SettingsError: The address is invalid.
    """
    try:
        address = urlsplit(url)
        usable = address.scheme in _PORTS and address.hostname and address.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(
            f"ASSISTANT_CHROMA_URL is {url!r}",
            expected="an address such as http://127.0.0.1:8000",
            action="Correct it, or unset it to keep the vectors in the index folder.",
        )
    return address


def server_error(url: str, error: Exception) -> IndexServerError:
    """Return the error to show for a failed request."""
    refused = any(code in str(error) for code in ("401", "403", "Unauthorized", "Forbidden"))
    return IndexServerError(
        f"the Chroma server {url} "
        f"{'rejects the token' if refused else 'does not respond'}: {error}",
        expected="a reachable server that accepts the token",
        action="Set ASSISTANT_CHROMA_TOKEN."
        if refused
        else "Start it (chroma run --path FOLDER), or correct ASSISTANT_CHROMA_URL.",
    )
