"""`python app.py` as people start it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from assistant.settings import PROJECT_FOLDER


@contextmanager
def served_app(
    environment: Mapping[str, str],
    *,
    folder: Path = PROJECT_FOLDER,
    within: Sequence[str] = (),
    log: list[str] | None = None,
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program, once it serves, and its address; killed at the end if it still runs.

    Args:
        environment: Its variables.
        folder: The checkout that it is started in.
        within: A command that starts it, such as one that takes rights away.
        log: Gets the lines that it wrote until it served.
    """
    program = subprocess.Popen(
        [*within, sys.executable, "app.py"],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert program.stderr is not None
    log = [] if log is None else log
    try:
        for line in program.stderr:
            log.append(line)
            if served := re.search(r"served on (http://\S+)", line):
                yield program, served[1]
                break
        else:
            pytest.fail("app.py ended: " + "".join(log))
    finally:
        program.kill()


def ended_by(program: subprocess.Popen[str], signal_number: int) -> str:
    """Stop it; it has to end by itself as after Ctrl-C. Returns what it still wrote."""
    assert program.stderr is not None
    program.send_signal(signal_number)
    assert program.wait(20) == 130
    rest = program.stderr.read()
    assert "Traceback" not in rest
    return rest


def refused_app(environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and log of a start that has to fail by itself."""
    finished = subprocess.run(
        [sys.executable, "app.py"],
        cwd=PROJECT_FOLDER,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return finished.returncode, finished.stderr


def page_at(address: str) -> str:
    """What is served there, without the proxies that this process's environment names."""
    with build_opener(ProxyHandler({})).open(address, timeout=20) as answer:
        assert answer.status == 200
        return str(answer.read().decode())
