"""Fixtures for real models; they are fetched once and kept in the models folder."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from assistant.application import Application
from assistant.settings import Settings

# A shell starts background jobs with Ctrl-C ignored, and their children inherit that:
# the tests that interrupt a command would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


def fetch(name: str) -> Path:
    """A model as the application gets it."""
    return Application(Settings()).hub.fetch(name)


@pytest.fixture(scope="session")
def small_gguf() -> Path:
    """The 0.5B chat model: from `ASSISTANT_SMALL_GGUF`, or as the application gets it."""
    if given := os.environ.get("ASSISTANT_SMALL_GGUF"):
        return Path(given)
    return fetch("qwen2.5-coder-0.5b-instruct")


@pytest.fixture(scope="session")
def embedder_folder() -> Path:
    """The folder of the embedder that is set, the default one if none is."""
    return fetch(Settings().embedder)
