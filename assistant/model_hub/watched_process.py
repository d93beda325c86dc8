"""Runs a hub's client in a child process, and ends it when it stalls.

Progress is measured by the size of the download folder. A child that stalls or is no longer
needed is ended together with all processes it started.
"""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import dropwhile
from pathlib import Path
from typing import IO

from assistant.errors import HubError
from assistant.model_hub.hub_protocol import Watch
from assistant.processes import child_process

_LOOK_SECONDS = 0.2
_REASON_CHARS = 300
_DISK_FULL = ("No space left", "Errno 28")
_NEXT_TO_NOTHING = 100_000_000  # bytes

# Maps the child's first line of output to the reply and the expected number of bytes.
Reply = Callable[[str], tuple[str, int | None]]


def run_child(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    watch: Watch,
    total: int | None = None,
    reply_to: Reply | None = None,
) -> None:
    """Run `command` until it ends.

    Args:
        command: Program and arguments.
        environment: Variables added to this process's environment.
        folder: The folder the child writes to; created if missing. Its size is the progress.
        watch: Progress and time limit.
        total: Expected number of bytes; None if unknown.
        reply_to: Called once, with the child's first line of output.

    Raises:
        HubError: The child stalled or failed; has the end of its error output.
        OSError: The child failed because the disk of `folder` is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as log, _started(command, environment, log) as process:
        lines = _first_line(process)
        before, changed = -1, time.monotonic()
        while process.poll() is None:
            if reply_to and (line := _next(lines)):
                reply, total = reply_to(line)
                _send(process, reply)
                reply_to, changed = None, time.monotonic()
            elif not reply_to:
                _wait(process)
            done = folder_bytes(folder)
            if done != before:
                before, changed = done, time.monotonic()
                # Report one byte less than all until the files are verified.
                shown = done if total is None else min(done, max(0, total - 1))
                watch.progress(watch.stage, shown, total, "B")
            elif time.monotonic() - changed > watch.timeout_seconds:
                raise _failed(f"no data received for {watch.timeout_seconds:g} s")
        if process.returncode:
            raise _failure(_output(log), process.returncode, folder)


def folder_bytes(folder: Path) -> int:
    """Total size of all files in `folder`, ignoring files that vanish meanwhile."""
    total = 0
    # Unlike `rglob`, `os.walk` tolerates folders that the client removes while they are read.
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).stat().st_size
            except OSError:
                continue
    return total


@contextmanager
def _started(
    command: Sequence[str | Path], environment: Mapping[str, str], log: IO[bytes]
) -> Iterator[subprocess.Popen[str]]:
    with ExitStack() as stack:
        try:
            process = stack.enter_context(
                child_process(
                    [str(part) for part in command],
                    env={**os.environ, "PYTHONUTF8": "1", **environment},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    encoding="utf-8",
                )
            )
        except OSError as error:
            raise _failed(f"{command[0]} cannot be started: {error}") from error
        yield process


def _first_line(process: subprocess.Popen[str]) -> queue.SimpleQueue[str]:
    """Read the child's output in a thread, keeping only the first line."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        lines.put(process.stdout.readline())
        for _ in process.stdout:
            pass

    threading.Thread(target=read, daemon=True).start()
    return lines


def _next(lines: queue.SimpleQueue[str]) -> str:
    try:
        return lines.get(timeout=_LOOK_SECONDS)
    except queue.Empty:
        return ""


def _wait(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return


def _send(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None  # noqa: S101 (it is a pipe)
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    except OSError:
        return  # The child is gone; its error output says why.


def _output(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")


def _failure(output: str, code: int, folder: Path) -> Exception:
    """Return an OSError if the disk of `folder` is full, when other hubs would fail as well.

    Otherwise the full disk is a different one, on which a client keeps its own files.
    """
    reason = _last_words(output) or f"the client ended with {code}"
    is_full = any(sign in output for sign in _DISK_FULL)
    if is_full and shutil.disk_usage(folder).free < _NEXT_TO_NOTHING:
        return OSError(reason)
    return _failed(reason)


def _last_words(output: str) -> str:
    """Return the message of the exception that ended the child, without the traceback."""
    lines = [line for line in output.splitlines() if line.strip()]
    stack = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    # The message itself may contain indented lines.
    words = dropwhile(_is_indented, lines[stack[-1] :]) if stack else lines[-1:]
    return " ".join(word.strip() for word in words)[:_REASON_CHARS]


def _is_indented(line: str) -> bool:
    return line.startswith(" ")


def _failed(reason: str) -> HubError:
    return HubError(reason, expected="the model's files", action="Run the command again to resume.")
