"""`python app.py` while it still builds, with a real small embedder and no chat model."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from assistant.index import Manifest, current_version
from assistant.indexing import running_build
from tests.app_program import ended_by, served_app
from tests.scripts.commands import minilm_folder
from tests.ui.conftest import free_port


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to stop a service by")
def test_the_page_is_there_with_the_first_source_and_the_build_ends_with_it(
    tmp_path: Path,
) -> None:
    for name, pages in (("small", 2), ("large", 300)):
        (tmp_path / name).mkdir()
        for page in range(pages):
            lines = "\n\n".join(f"{name} {page} has item {n} and more." * 20 for n in range(20))
            (tmp_path / name / f"{page}.md").write_text(f"# {name} {page}\n\n{lines}\n")
    (tmp_path / "sources.toml").write_text(
        "\n".join(
            f'[[source]]\nname = "{name}"\nfolder = "{name}"\n' for name in ("small", "large")
        )
    )
    db = tmp_path / "db"
    environment = {
        **os.environ,
        "ASSISTANT_SOURCES_FILE": str(tmp_path / "sources.toml"),
        "ASSISTANT_DB_FOLDER": str(db),
        "ASSISTANT_EMBEDDER": str(minilm_folder()),
        "ASSISTANT_OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "ASSISTANT_CHAT_MODEL": "nobody",
        "ASSISTANT_PORT": str(free_port()),
        "ASSISTANT_BUILD_MISSING_INDEX": "true",
    }
    with served_app(environment) as (program, address):
        version = current_version(db)
        assert version is not None
        assert Manifest.read(version).searchable == ["small"]
        state = running_build(db)
        assert state is not None
        assert (state.source, state.step, state.steps) == ("large", 2, 2)
        assert urlopen(address, timeout=20).status == 200
        health = json.load(urlopen(f"{address}health", timeout=20))
        assert health.pop("chunks") > 0
        assert health == {"status": "ok", "index": version.name, "model": "nobody"}
        children = psutil.Process(program.pid).children(recursive=True)
        assert children
        rest = ended_by(program, signal.SIGTERM)  # Ctrl-C: tests/ui/test_whole_app.py
        assert "Interrupted. What was finished is kept" in rest  # by the build
        assert not [child for child in children if child.is_running()]
        assert not (db / "building.json").exists()
