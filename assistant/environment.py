"""Checks and repairs the environment before libraries that depend on it are imported."""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import httpx

from assistant.errors import SettingsError

logger = logging.getLogger(__name__)

_PROXY_VARIABLES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
_PROXY_SCHEMES = ("http://", "https://", "socks5://", "socks5h://")
_UNUSABLE = (ImportError, ValueError, httpx.InvalidURL)  # raised for a bad proxy


def prepare_environment() -> None:
    """Repair the environment where possible, and check the rest.

    Restarts Python in UTF-8 mode if the file system encoding is not UTF-8, because Chroma
    and others cannot open such paths. Without a home folder, which libraries need for
    their caches, a temporary one is used.

    Raises:
        SettingsError: A proxy variable, the certificates or the temporary folder cannot be
            used; names the variable.
    """
    _use_utf8()
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise SettingsError(
            f"no folder for temporary files is writable: {error.strerror}",
            expected="a writable folder for uploads and caches",
            action="Set TMPDIR to a folder that this user can write to.",
        ) from error
    _ensure_home()
    _check_proxies()


def _use_utf8() -> None:
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (this same program)


def _ensure_home() -> None:
    try:
        Path.home()
    except RuntimeError:
        home = os.environ["HOME"] = tempfile.mkdtemp(prefix="home-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        logger.warning("no home folder found; using HOME=%s until this program exits", home)


def _check_proxies() -> None:
    """Create the HTTP client that importing Gradio creates; no request is sent."""
    try:
        httpx.Client().close()
    except OSError as error:
        names = (name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name))
        raise SettingsError(
            f"{next(names, 'the certificate store')} cannot be used: {error}",
            expected="certificates in PEM format",
            action="Correct it, or unset the variable.",
        ) from error
    except _UNUSABLE as error:
        found = _unusable_proxies()
        name, value, reason = found[0] if found else ("the system's proxy", "", error)
        addresses = f"an address that begins with {', '.join(_PROXY_SCHEMES)}"
        hosts = "host names and addresses without brackets, separated by commas"
        raise SettingsError(
            f"{name} has {_without_password(value)!r}, which cannot be used: {reason}",
            expected=hosts if name.lower() == "no_proxy" else addresses,
            action=f"Correct it, or unset {name}.",
        ) from error


def _unusable_proxies() -> list[tuple[str, str, Exception]]:
    """(variable, value, error) for each proxy value that the client rejects on its own."""
    given = {name: os.environ[name] for name in os.environ if name.lower() in _PROXY_VARIABLES}
    found: list[tuple[str, str, Exception]] = []
    for name in given:
        del os.environ[name]
    for name, value in given.items():
        for part in value.split(",") if name.lower() == "no_proxy" else [value]:
            os.environ[name] = part
            try:
                httpx.Client().close()
            except _UNUSABLE as error:
                found.append((name, part.strip(), error))
            del os.environ[name]
    os.environ.update(given)
    return found


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", address)
