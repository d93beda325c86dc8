"""Commands for pip and uv, and the package index that they use."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

from assistant.errors import HubError

PYPI = "https://pypi.org/simple"
_ASK_SECONDS = 30


def pip_command() -> list[str]:
    """Return the command for pip; through uv if this environment has no pip.

    Raises:
        HubError: Neither pip nor uv is installed.
    """
    if _has_pip():
        return [sys.executable, "-m", "pip"]
    return [*uv_python("pip", interpreter=sys.executable), "-m", "pip"]


def pip_environment() -> dict[str, str]:
    """Return the variables that let `pip_command` download pip itself from the user's index."""
    return {} if _has_pip() else uv_environment()


def uv_python(requirement: str, *, interpreter: str) -> list[str]:
    """Return the command for Python in an isolated environment with `requirement` installed.

    Raises:
        HubError: uv is not installed.
    """
    run = ["run", "--quiet", "--no-project", "--isolated", "--python", interpreter]
    return [_uv(), *run, "--with", requirement, "python"]


def uv_environment() -> dict[str, str]:
    """Return the variables that point uv to pip's index, unless uv is configured itself."""
    return _uv_index(PipSettings.read().index)


class PipSettings:
    """pip's configured package sources, from its files and variables."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def read(cls, command: Sequence[str] | None = None) -> PipSettings:
        """Ask pip for its settings; if that fails, use only PIP_INDEX_URL."""
        index = os.environ.get("PIP_INDEX_URL", PYPI)
        try:
            done = subprocess.run(
                [*(command or pip_command()), "config", "list"],
                capture_output=True,
                text=True,
                timeout=_ASK_SECONDS,
                check=True,
                env={**os.environ, **_uv_index(index)},
            )
        except (OSError, subprocess.SubprocessError, HubError):
            return cls({"index-url": index})
        return cls.parse(done.stdout)

    @classmethod
    def parse(cls, listing: str) -> PipSettings:
        """Parse the output of `pip config list`."""
        return cls(_effective(listing))

    @property
    def index(self) -> str:
        """Address of the package index."""
        return self._values.get("index-url", PYPI)

    @property
    def only_index(self) -> str | None:
        """The index, without its password, if pip uses no other source and no proxy; else None."""
        if {"no-index", "find-links", "extra-index-url", "proxy"} & set(self._values):
            return None
        address = urlsplit(self.index)
        if address.scheme not in ("http", "https"):
            return None
        return urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2]))


def _effective(listing: str) -> dict[str, str]:
    """Parse the output of `pip config list`; precedence: global, the command's, variables."""
    ranks = {"global": 0, "download": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        key, _, quoted = line.partition("=")
        section, _, name = key.partition(".")
        rank = ranks.get(section)
        if rank is not None and rank >= found.get(name, (-1, ""))[0]:
            found[name] = (rank, quoted.strip().strip("'\""))
    return {name: value for name, (_rank, value) in found.items()}


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def _uv_index(index: str) -> dict[str, str]:
    own = {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE", "UV_FIND_LINKS"}
    return {} if own & set(os.environ) or index == PYPI else {"UV_DEFAULT_INDEX": index}


def _uv() -> str:
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError) as error:
        if found := shutil.which("uv"):
            return found
        raise HubError(
            "uv is not installed",
            expected="the package uv, which creates a separate environment",
            action="Run: python -m pip install uv",
        ) from error
