"""Downloads from OpenXLab with its SDK (openxlab 0.1.3), in a separate environment.

The SDK signs in and returns the address of each file. Its own download never resumes and
mistakes a broken connection for the end of the file, so this program fetches the files itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import requests
from openxlab.model.clients.openapi_client import OpenapiClient  # type: ignore[import-not-found]
from openxlab.xlab.clients.auth_client import AuthClient  # type: ignore[import-not-found]
from openxlab.xlab.handler import user_token  # type: ignore[import-not-found]
from protocol import ask_which  # type: ignore[import-not-found]

_ATTEMPTS = 5
_TIMEOUT_SECONDS = 30
_BLOCK_BYTES = 1 << 18


def main(endpoint: str, repository: str, _revision: str, folder: Path) -> None:
    """List the repository, and download the files that the parent chooses to `folder / "files"`."""
    user_token.AUTH_CLIENT = AuthClient(f"{endpoint}/sso-be/api/v1/open/")
    owner, _, name = repository.partition("/")
    models, files = OpenapiClient(endpoint).get_download_url(owner, name, None, None, None)
    entries: dict[str, dict[str, Any]] = {
        entry["fileName"]: entry for entry in (*(models or {}).values(), *(files or {}).values())
    }
    for wanted in ask_which(dict.fromkeys(entries, (None, None))):
        entry = entries[wanted]
        version = "".join(filter(str.isalnum, str(entry.get("hash"))))
        part = folder / "parts" / f"{wanted}.{version}"
        _download(entry["url"], folder / "files" / wanted, part)


def _download(url: str, target: Path, part: Path) -> None:
    if target.is_file():
        return
    for path in (target, part):
        path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _fetch_rest(url, part)
        except requests.HTTPError:
            raise
        except requests.RequestException:
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    part.replace(target)


def _fetch_rest(url: str, part: Path) -> None:
    """Append the missing bytes to `part`; raise if the connection ends before the file does."""
    offset = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
        total = _total_bytes(response)
        if response.status_code == 416:
            if offset == total:
                return
            part.unlink()
            raise requests.ConnectionError(f"{part.name} was longer than the file; restarting")
        response.raise_for_status()
        with part.open("ab" if response.status_code == 206 else "wb") as file:
            for block in response.iter_content(_BLOCK_BYTES):
                file.write(block)
            arrived = file.tell()
    if total is not None and arrived != total:
        raise requests.ConnectionError(f"{arrived} of {total} bytes of {part.name} arrived")


def _total_bytes(response: requests.Response) -> int | None:
    """The size of the whole file according to the response headers; None if unknown."""
    total = response.headers.get("Content-Range", "").rpartition("/")[2]
    if not total and response.status_code == 200 and "Content-Encoding" not in response.headers:
        total = response.headers.get("Content-Length", "")
    return int(total) if total.isdigit() else None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
