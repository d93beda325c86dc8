"""Runs a git command safely, and classifies its failures.

Prompts, hooks and filters are off; messages are in English; only known protocols are allowed.
A command that times out or is interrupted ends together with every process it started.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.errors import SourceError
from assistant.processes import run_watched

_GRACE_SECONDS = 2.0  # in which git removes its temporary files
_REASON_CHARS = 300
_PROTOCOLS = "file:git:http:https:ssh"
_CONFIG = (
    "advice.detachedHead=false",
    "core.askPass=",
    "core.autocrlf=false",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.longPaths=true",
    "core.quotePath=false",
    "fetch.recurseSubmodules=false",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "submodule.recurse=false",
)
# Messages of git and of servers when an address responds but has no accessible repository.
_NOT_FOUND = re.compile(
    r"repository .*not found|not found: did you run|does not appear to be a git repository"
    r"|not valid: is this a git repository|access denied|could not read username"
    r"|authentication failed|returned error: 40[134]|permission denied \(publickey"
    r"|repository not exported|no such repository",
    re.IGNORECASE,
)
_NO_REVISION = re.compile(
    r"couldn't find remote ref|not our ref|no such remote ref|unadvertised object", re.IGNORECASE
)

_LOCAL = re.compile(
    r"no space left|disk quota|read-only file system|could not (?:create|write|lock)"
    r"|unable to (?:create|write|append)|cannot (?:create|mkdir|lock)",
    re.IGNORECASE,
)

_TOLD = re.compile(r"(?:fatal|error|remote|ERROR|ssh)\b")
_LABEL = re.compile(r"^(?:fatal|error): (?:unable to access '[^']*': )?")
_SAYS_NOTHING = "Could not read from remote repository"


class GitCommandError(Exception):
    """A git command failed.

    Attributes:
        words: The error message in one line, without passwords.
        timed_out: Whether the command exceeded its time limit.
    """

    def __init__(self, words: str, *, timed_out: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.timed_out = timed_out

    @property
    def not_found(self) -> bool:
        """The address responds but has no accessible repository."""
        return bool(_NOT_FOUND.search(self.words))

    @property
    def is_local(self) -> bool:
        """The cause is on this machine, such as a full disk or missing permission."""
        return bool(_LOCAL.search(self.words))

    @property
    def no_revision(self) -> bool:
        """The repository does not have the requested revision, or does not serve it."""
        return bool(_NO_REVISION.search(self.words))


def run_git(
    arguments: Sequence[str],
    *,
    folder: Path,
    timeout_seconds: float,
    clone: bool = True,
    look: Callable[[], None] | None = None,
) -> bytes:
    """Run `git ARGUMENTS` and return its standard output.

    Args:
        arguments: Subcommand first; addresses and paths after `--`.
        folder: The working tree of the clone, or the working directory if `clone` is False.
        timeout_seconds: Limit on the run time.
        clone: Whether `folder` is a clone. Its `.git` is passed explicitly, so that git never
            mistakes an enclosing repository for a broken clone.
        look: Called every half second while git runs; may raise to end it.

    Raises:
        GitCommandError: The command failed or timed out.
        SourceError: Git is not installed.
    """
    folder = folder.absolute()
    command = ["git", *(part for setting in _CONFIG for part in ("-c", setting))]
    if clone:
        command += [f"--git-dir={folder / '.git'}", f"--work-tree={folder}"]
    try:
        done = run_watched(
            [*command, *arguments],
            timeout_seconds=timeout_seconds,
            look=look,
            grace_seconds=_GRACE_SECONDS,
            cwd=folder,
            env=_environment(folder),
        )
    except subprocess.TimeoutExpired as error:
        raise GitCommandError(f"timed out after {timeout_seconds:g} s", timed_out=True) from error
    except FileNotFoundError as error:
        if error.filename != command[0]:
            raise
        raise SourceError(
            "git is not installed",
            expected="git 2.29 or later on the PATH",
            action="Install it, for instance: apt-get install git",
        ) from error
    if done.returncode:
        raise GitCommandError(_last_words(done.stderr) or f"git ended with {done.returncode}")
    return done.stdout


def _environment(folder: Path) -> dict[str, str]:
    """This process's environment without variables that redirect git or prompt a person."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_")
        or name.startswith(("GIT_SSL_", "GIT_PROXY_", "GIT_CONFIG_", "GIT_HTTP_", "GIT_SSH"))
    }
    kept.pop("GIT_CONFIG", None)
    ssh = kept.get("GIT_SSH_COMMAND", "ssh")
    return kept | {
        "LC_ALL": "C",
        "LANGUAGE": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
        "GIT_SSH_COMMAND": f"{ssh} -o BatchMode=yes -o ConnectTimeout=20",
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent),
    }


def _last_words(errors: bytes) -> str:
    """The messages of git and the server in one line, without passwords or control characters."""
    text = errors.decode(errors="replace")
    lines = [re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", line.strip()) for line in text.splitlines()]
    told = [line for line in lines if _TOLD.match(line)] or lines
    words = [_LABEL.sub("", line).rstrip(".") for line in told if _SAYS_NOTHING not in line]
    return without_password(", ".join((words or told)[-3:]))[:_REASON_CHARS]


def git_address(address: str) -> str:
    """The form of an address to pass to git: local paths become file:// URLs."""
    path = Path(address).expanduser()
    return path.resolve().as_uri() if path.is_absolute() else address


def without_password(text: str) -> str:
    """Mask the user, password and query of every address in `text`.

    A password may contain @ and /, so everything before the last @ is masked.
    """
    text = re.sub(r"(?<=://)[^/\s'\"][^\s'\"]*@", "***@", text)
    return re.sub(r"(://[^\s'\"?]*)\?[^\s'\"]*", r"\1?***", text)
