"""Checks within a few seconds whether a web server responds."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import urllib.error
import urllib.request
from http.client import HTTPException

from assistant.errors import HubUnreachableError


def check_answers(url: str, seconds: float) -> None:
    """Check that the server of `url` responds with any status below 500.

    Name resolution can hang for longer than any socket timeout, so the attempt runs in a
    thread that is abandoned when time is up.

    Raises:
        HubUnreachableError: There was no such response within `seconds`; says why.
    """
    outcome: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    knock = threading.Thread(target=lambda: outcome.put(_knock(url, seconds)), daemon=True)
    knock.start()
    try:
        reason = outcome.get(timeout=seconds)
    except queue.Empty:
        reason = "no answer"
    if reason is not None:
        raise HubUnreachableError(
            f"not reachable within {seconds:g} s ({reason})",
            expected=f"a response from {url}",
            action="Check the network and the proxy settings.",
        )


def _knock(url: str, seconds: float) -> str | None:
    """Return why `url` does not respond; None if it does."""
    request = urllib.request.Request(url, headers={"User-Agent": "knowledge-base-assistant"})  # noqa: S310 (addresses of hubs)
    try:
        with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310 (addresses of hubs)
            return None
    except urllib.error.HTTPError as error:
        return f"answers {error.code}" if error.code >= 500 else None
    except urllib.error.URLError as error:
        return _describe(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return _describe(error)


def _describe(reason: object) -> str | None:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return None  # It responds, and the client library may be configured with its certificate.
    if isinstance(reason, socket.gaierror):
        return "name resolution failed"
    if isinstance(reason, ConnectionRefusedError):
        return "connection refused"
    if isinstance(reason, TimeoutError):
        return "no answer"
    return str(reason) or type(reason).__name__
