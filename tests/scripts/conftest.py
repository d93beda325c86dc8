"""One small index for all commands that only read it."""

from __future__ import annotations

import pytest

from tests.scripts.commands import Commands, build_sample


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    folder = tmp_path_factory.mktemp("commands")
    build_sample(folder)
    return Commands(folder)
