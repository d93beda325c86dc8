"""Commands run with a Python that lacks the requirements."""

from __future__ import annotations

import subprocess
import sys

import pytest

from assistant.settings import PROJECT_FOLDER


@pytest.mark.parametrize("script", ["app.py", "scripts/build_index.py", "scripts/ask.py"])
def test_it_says_what_to_run_first(script: str) -> None:
    bare = [sys.executable, "-S", script]  # without what is installed
    finished = subprocess.run(
        bare, cwd=PROJECT_FOLDER, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert finished.returncode == 1
    assert "make setup" in finished.stderr
    assert "Traceback" not in finished.stderr
