"""Runs one git command safely, and says what its failure means.

No prompts, hooks or filters; known languages and protocols only; a command that takes too
long or is interrupted ends together with every process that it started.
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
# git's and the servers' words for an address that answers but offers no repository to us.
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
        words: What it said, in one line and without passwords.
        timed_out: Whether it was ended because it took too long.
    """

    def __init__(self, words: str, *, timed_out: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.timed_out = timed_out

    @property
    def not_found(self) -> bool:
        """The address answers, and there is no repository."""
        return bool(_NOT_FOUND.search(self.words))

    @property
    def is_local(self) -> bool:
        """The fault is on this machine: no space, no permission."""
        return bool(_LOCAL.search(self.words))

    @property
    def no_revision(self) -> bool:
        """The repository does not have, or does not give, what was asked for."""
        return bool(_NO_REVISION.search(self.words))


def run_git(
    arguments: Sequence[str],
    *,
    folder: Path,
    timeout_seconds: float,
    clone: bool = True,
    send: bytes = b"",
    look: Callable[[], None] | None = None,
) -> bytes:
    """Run `git ARGUMENTS` and return its standard output.

    Args:
        arguments: Subcommand first; addresses and paths after `--`.
        folder: The working tree with its `.git`, else where to run.
        timeout_seconds: The command is ended after this time.
        clone: Whether `folder` is a clone. Its `.git` is named to git, so that git never
            takes a repository further up for a broken clone.
        send: For standard input.
        look: Called every half second while git runs.

    Raises:
        GitCommandError: It failed or took too long.
        SourceError: There is no git.
    """
    folder = folder.absolute()
    command = ["git", *(part for setting in _CONFIG for part in ("-c", setting))]
    if clone:
        command += [f"--git-dir={folder / '.git'}", f"--work-tree={folder}"]
    try:
        done = run_watched(
            [*command, *arguments],
            timeout_seconds=timeout_seconds,
            send=send,
            look=look,
            grace_seconds=_GRACE_SECONDS,
            cwd=folder,
            env=_environment(folder),
        )
    except subprocess.TimeoutExpired as error:
        raise GitCommandError(f"no end after {timeout_seconds:g} s", timed_out=True) from error
    except FileNotFoundError as error:
        if error.filename != command[0]:
            raise
        raise SourceError(
            "there is no program git",
            expected="git 2.29 or later on the PATH",
            action="Install it, for instance: apt-get install git",
        ) from error
    if done.returncode:
        raise GitCommandError(_last_words(done.stderr) or f"git ended with {done.returncode}")
    return done.stdout


def _environment(folder: Path) -> dict[str, str]:
    """This process's environment without what names another repository or asks a person."""
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
    """What git and the server said, in one line, without passwords and control characters."""
    text = errors.decode(errors="replace")
    lines = [re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", line.strip()) for line in text.splitlines()]
    told = [line for line in lines if _TOLD.match(line)] or lines
    words = [_LABEL.sub("", line).rstrip(".") for line in told if _SAYS_NOTHING not in line]
    return without_password(", ".join((words or told)[-3:]))[:_REASON_CHARS]


def git_address(address: str) -> str:
    """What git is given: paths on this machine as file:// addresses, others as they are."""
    path = Path(address).expanduser()
    return path.resolve().as_uri() if path.is_absolute() else address


def without_password(text: str) -> str:
    """Return `text` without user, password and query of the addresses in it.

    A password may have @ and / in it, so that all before the last @ counts as one.
    """
    text = re.sub(r"(?<=://)[^/\s'\"][^\s'\"]*@", "***@", text)
    return re.sub(r"(://[^\s'\"?]*)\?[^\s'\"]*", r"\1?***", text)
