"""Starts the programs that are measured, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from assistant.processes import environment_with_package

LIMIT_SECONDS = 4 * 3600


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    """`python -m module`, with its standard output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment_with_package(),
        stdout=subprocess.PIPE,
        text=True,
    )


def start_command(command: str, *arguments: str) -> subprocess.Popen[str]:
    """`kb-assistant command`, in the same way."""
    return start("assistant.commands.entry_point", command, *arguments)


def output_of(process: subprocess.Popen[str]) -> str:
    """What a program printed, once it has ended.

    Raises:
        subprocess.CalledProcessError: It failed.
        subprocess.TimeoutExpired: It took longer than `LIMIT_SECONDS`; it is killed.
    """
    with process:
        try:
            output, _ = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return output
