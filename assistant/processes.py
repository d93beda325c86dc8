"""Counts the processors available, and runs child processes that never outlive their use."""

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
    """Number of processors this process may use, limited by CPU affinity and control groups.

    Args:
        cgroup: Mount point of control groups, version 1 or 2. The smallest quota among the
            process's group and its ancestors applies.
        own_groups: File that lists the process's groups.

    Returns:
        At least 1; fractional quotas are rounded.
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
    """Folders of the groups that may limit processors, each before its parent.

    A container often sees its own group as the root, under a name that only the host knows.
    Groups that do not exist, and lines that cannot be parsed, impose no limit.
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
    """Processor quota of a group: version 2 has "200000 100000", version 1 uses two files."""
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
    """Run `command` within a `with` block; at its end, end the whole process tree.

    Args:
        command: Program and arguments.
        grace_seconds: See `end_process_tree`.
        options: Passed to `subprocess.Popen`.

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
    """Run `command` and return its exit status and output.

    Args:
        command: Program and arguments.
        timeout_seconds: Limit on the run time.
        send: Standard input.
        look: Called twice a second while the command runs; may raise to end it.
        grace_seconds: See `end_process_tree`.
        options: Passed to `subprocess.Popen`.

    Raises:
        OSError: The program cannot be started.
        subprocess.TimeoutExpired: The command exceeded the limit.
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
                send = b""  # already being written; must not be passed twice
            if look:
                look()


def end_process_tree(process: subprocess.Popen[Any], grace_seconds: float = 0.0) -> None:
    """End a process and all its descendants, even if the process itself has already ended.

    On Windows, which has no process groups, only the process itself is ended.

    Args:
        process: Started with `start_new_session=True`.
        grace_seconds: Time to clean up between SIGTERM and SIGKILL; 0 sends only SIGKILL.
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
            with suppress(ProcessLookupError, PermissionError):  # all have ended
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
