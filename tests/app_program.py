"""`python app.py` as people start it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from assistant.settings import PROJECT_FOLDER


@contextmanager
def served_app(environment: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program, once it serves, and its address; killed at the end if it still runs."""
    program = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=PROJECT_FOLDER,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stderr is not None
    log = []
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
