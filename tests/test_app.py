"""`python app.py` with a real small embedder and no chat model, wherever it is started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assistant.index import Manifest, current_version
from assistant.indexing import running_build
from assistant.settings import PROJECT_FOLDER
from assistant.ui import texts
from tests.app_program import ended_by, page_at, refused_app, served_app
from tests.chat_models.openai_server import KEY, OpenAIServer, serving
from tests.scripts.commands import build_sample, minilm_folder
from tests.ui.conftest import free_port

PROXIES = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "https_proxy": "https://127.0.0.1:9",
    "ALL_PROXY": "socks5h://127.0.0.1:9",
    "NO_PROXY": "::1, *.example.com,10.0.0.0/8,intern",
}
FOOT = texts.MODEL.format(name="tiny").en
IN_ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
# Reads what it likes, and may write what everybody may.
AS_NOBODY = [
    *("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]


def possible(*command: str) -> bool:
    """Whether this machine lets the tests do that, which takes the rights of root."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def model_server() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, model_server: OpenAIServer
) -> dict[str, str]:
    """Of a start that works: a small index in a folder with blanks and Chinese, and a model."""
    folder = tmp_path_factory.mktemp("知识 库")
    build_sample(folder)
    inherited = {name: value for name, value in os.environ.items() if "ASSISTANT_" not in name}
    return inherited | {
        "ASSISTANT_SOURCES_FILE": str(folder / "sources.toml"),
        "ASSISTANT_DB_FOLDER": str(folder / "db"),
        "ASSISTANT_EMBEDDER": str(minilm_folder()),
        "ASSISTANT_OPENAI_BASE_URL": model_server.address,
        "ASSISTANT_OPENAI_API_KEY": KEY,
        "ASSISTANT_CHAT_BACKEND": "openai_compatible",
    }


def test_a_start_behind_proxies_in_a_foreign_folder_and_locale(
    environment: dict[str, str], tmp_path: Path
) -> None:
    checkout = tmp_path / "检出 folder"
    ignored = shutil.ignore_patterns("__pycache__", "repos")
    for name in ("assistant", "knowledge", "scripts"):
        shutil.copytree(PROJECT_FOLDER / name, checkout / name, ignore=ignored)
    shutil.copy(PROJECT_FOLDER / "app.py", checkout)
    changed = {"ASSISTANT_PORT": str(free_port()), "ASSISTANT_PROT": "1", "HOME": "/nowhere"}
    log: list[str] = []
    started = environment | PROXIES | IN_ASCII | changed
    with served_app(started, folder=checkout, log=log) as (_, address):
        page = page_at(address)
    assert log[0] == "ASSISTANT_PROT is not a setting; did you mean ASSISTANT_PORT?\n"
    assert log[1].startswith(f"index: {environment['ASSISTANT_DB_FOLDER']}, version ")
    assert log[2].startswith("chat model: auto (openai_compatible): the server http://127.0.0.1")
    assert log[3] == "the server's chat model: tiny\n"
    assert log[4] == f"The page is served on {address} (Ctrl-C stops it).\n"
    assert len(log) == 5
    assert FOOT in page


@pytest.mark.skipif(not possible(*AS_NOBODY), reason="tests may not become another user here")
@pytest.mark.skipif(not possible("unshare", "-m"), reason="tests may not mount here")
def test_a_start_without_a_home_where_nothing_can_be_written(environment: dict[str, str]) -> None:
    folders = [str(PROJECT_FOLDER), environment["ASSISTANT_DB_FOLDER"]]
    mount = 'for f in "$0" "$1"; do mount --bind "$f" "$f"; mount -o remount,ro,bind "$f"; done'
    read_only = ["unshare", "-m", "sh", "-ec", f'{mount}; shift; exec "$@"', *folders]
    started = environment | {
        "ASSISTANT_PORT": str(free_port()),
        "TMPDIR": environment["ASSISTANT_DB_FOLDER"],
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    started.pop("HOME", None)
    log: list[str] = []
    with served_app(started, within=[*read_only, *AS_NOBODY], log=log) as (_, address):
        assert FOOT in page_at(address)
    assert log[0].startswith("no home folder found")
    assert len(log) == 5


def test_a_port_in_use_is_told_before_anything_is_loaded(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, log = refused_app(environment | {"ASSISTANT_PORT": str(port)})
    assert (code, log.count("\n")) == (1, 1)
    assert log.startswith(f"Error: cannot listen on port {port} of 127.0.0.1")


def test_a_proxy_that_gradio_cannot_be_imported_with_is_told(environment: dict[str, str]) -> None:
    code, log = refused_app(environment | {"all_proxy": "socks4://127.0.0.1:9"})
    assert (code, log.count("\n")) == (2, 1)
    assert log.startswith("Error: all_proxy has 'socks4://127.0.0.1:9'")


def test_broken_examples_are_told_before_the_index_is_opened(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "sources.toml"
    file.write_text('[[source]]\nname = "x"\nfolder = "x"\n', encoding="utf-8")
    (tmp_path / "examples.toml").write_text("zh = 1", encoding="utf-8")
    changed = {"ASSISTANT_SOURCES_FILE": str(file), "ASSISTANT_PORT": str(free_port())}
    code, log = refused_app(environment | changed)
    assert (code, log.count("\n")) == (2, 1)
    assert "examples.toml" in log


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
        assert page_at(address)
        health = json.loads(page_at(f"{address}health"))
        assert health.pop("chunks") > 0
        assert health == {"status": "ok", "index": version.name, "model": "nobody"}
        children = psutil.Process(program.pid).children(recursive=True)
        assert children
        rest = ended_by(program, signal.SIGTERM)  # Ctrl-C: tests/ui/test_whole_app.py
        assert "Interrupted. What was finished is kept" in rest  # by the build
        assert not [child for child in children if child.is_running()]
        assert not (db / "building.json").exists()
