"""Processors this process may use, and child processes that end with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_OWN_GROUPS = Path("/proc/self/cgroup")
_LOOK_SECONDS = 0.5


def core_count(cgroup: Path = Path("/sys/fs/cgroup"), own_groups: Path = _OWN_GROUPS) -> int:
    """Processors this process may use: the machine's, less what affinity and containers take.

    Args:
        cgroup: Where the system shows control groups, of version 1 or 2. The quota of the
            process's own group counts and those of all groups around it; the smallest wins.
        own_groups: Names the process's own groups.

    Returns:
        At least 1. A quota that is not whole is rounded.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quotas = [
        quota for folder in _groups(cgroup, own_groups) if (quota := _quota(folder)) is not None
    ]
    return max(1, round(min([float(cores), *quotas])))


def _groups(cgroup: Path, own_groups: Path) -> Iterator[Path]:
    """Folders of the groups that can limit the processors, each before the group around it.

    A container often sees its own group as the root, under a name that only its host knows;
    groups that are not there, and lines that cannot be read, limit nothing.
    """
    try:
        lines = os.fsdecode(own_groups.read_bytes()).splitlines()
    except OSError:
        lines = ["0::/"]
    for line in lines:
        _, _, named = line.partition(":")
        controllers, _, name = named.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        for root in (cgroup / controllers, cgroup / "cpu") if controllers else (cgroup,):
            group = root / name.lstrip("/")
            yield from (group, *group.parents[: len(group.parts) - len(root.parts)])


def _quota(group: Path) -> float | None:
    """Processors that a group may use: version 2 says "200000 100000", version 1 in two files."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join((group / name).read_text() for name in names).split()
            # "max" and "-1" limit nothing.
            return int(quota) / int(period) if quota.isdigit() else None
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return None


def environment_with_package() -> dict[str, str]:
    """This process's environment, in which `python -m` finds this package.

    A checkout in which nothing is installed lies elsewhere than Python looks.
    """
    folders = [str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}


@contextmanager
def child_process(
    command: Sequence[str], *, grace_seconds: float = 0.0, **options: Any
) -> Iterator[subprocess.Popen[Any]]:
    """Run `command` during the block, after which it ends with all that it started.

    Args:
        command: Program and arguments.
        grace_seconds: As in `end_process_tree`.
        options: As `subprocess.Popen` takes them.

    Raises:
        OSError: The program cannot be started.
    """
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            end_process_tree(process, grace_seconds)


def run_watched(
    command: Sequence[str],
    *,
    timeout_seconds: float,
    send: bytes = b"",
    look: Callable[[], None] | None = None,
    grace_seconds: float = 0.0,
    **options: Any,
) -> subprocess.CompletedProcess[bytes]:
    """Run `command` to its end and return what it printed.

    Args:
        command: Program and arguments.
        timeout_seconds: It is ended after this time.
        send: For its standard input.
        look: Called twice a second while it runs; ends it by raising.
        grace_seconds: As in `end_process_tree`.
        options: As `subprocess.Popen` takes them.

    Raises:
        OSError: The program cannot be started.
        subprocess.TimeoutExpired: It took too long.
    """
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | options
    ends = time.monotonic() + timeout_seconds
    with child_process(command, grace_seconds=grace_seconds, **pipes) as process:
        while True:
            left = ends - time.monotonic()
            try:
                output, errors = process.communicate(send, timeout=min(_LOOK_SECONDS, max(0, left)))
                return subprocess.CompletedProcess(command, process.returncode, output, errors)
            except subprocess.TimeoutExpired:
                if left <= 0:
                    raise
                send = b""  # which is being written, and may not be given twice
            if look:
                look()


def end_process_tree(process: subprocess.Popen[Any], grace_seconds: float = 0.0) -> None:
    """End a process that began a session of its own, and what it started, also after its end.

    On Windows, which has no process groups, only the process itself.

    Args:
        process: Started with `start_new_session=True`.
        grace_seconds: Time between SIGTERM and SIGKILL in which it may clean up; 0 sends
            SIGKILL alone.
    """
    if sys.platform == "win32":
        process.kill()
    else:
        try:
            if grace_seconds and process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError, PermissionError):  # nobody is left
                if not _is_another(process):
                    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _is_another(process: subprocess.Popen[Any]) -> bool:
    """Whether the number of a process that has ended is another one's by now.

    The system gives it to nobody while the group that it led has members.
    """
    if process.returncode is None:
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        pass
    return True
