"""A repository with wanted and unwanted files, and a place for clones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.repositories import Repository, make_repository

FILES: dict[str, str | bytes] = {
    "README.md": "# Tool\n\nA tool.\n",
    "docs/zh/安装 说明.md": "# 安装\n",
    "docs/notes.txt": "Notes.\n",
    "requirements.txt": "numpy\n",
    "src/CMakeLists.txt": "project(tool)\n",
    "src/main.py": "print()\n",
    "assets/picture.bin": bytes(range(256)) * 10,
    ".github/template.md": "# Template\n",
}


@pytest.fixture
def upstream(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "upstream", FILES)


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    return tmp_path / "clones"
