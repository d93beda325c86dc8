"""One tiny model, and what a hub's client needs to run without touching the user's folders."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.model_hub import CatalogueModel
from assistant.model_hub.catalogue import ModelFile, RepositoryAddress
from assistant.model_hub.python_packages import uv_environment, uv_python
from assistant.model_hub.web_hubs import OPENXLAB_SDK
from tests.model_hub.servers import OWNER_NAME

# Large enough that half of it is on disk when the connection ends.
WEIGHTS = random.Random(1).randbytes(3 << 20)
FILES = {
    "config.json": b'{"model_type": "tiny"}',
    "model.safetensors": WEIGHTS,
    "1_Pooling/config.json": b"{}",
    "README.md": b"not wanted",
}
WANTED = {name: content for name, content in FILES.items() if name != "README.md"}


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Child processes: no proxies for loopback, caches of their own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "modelscope"))
    monkeypatch.setenv("MODELSCOPE_HOME", str(tmp_path / "modelscope-home"))
    for name in ("HF_TOKEN", "MODELSCOPE_API_TOKEN", "OPENXLAB_AK", "OPENXLAB_SK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def uv_cache() -> str:
    """uv's cache, after it fetched OpenXLab's OPENXLAB_SDK as the application does."""
    command = uv_python(OPENXLAB_SDK, interpreter=sys.executable)
    variables = {**os.environ, **uv_environment()}
    subprocess.run([*command, "-c", "import openxlab"], env=variables, check=True)
    found = subprocess.run([command[0], "cache", "dir"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


@pytest.fixture
def openxlab_sdk(uv_cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the OPENXLAB_SDK from the cache, without asking the index for each test."""
    monkeypatch.setenv("UV_CACHE_DIR", uv_cache)
    monkeypatch.setenv("UV_OFFLINE", "1")


def folder_model(*files: ModelFile) -> CatalogueModel:
    """An embedder folder that three hubs have."""
    address = RepositoryAddress(OWNER_NAME)
    return CatalogueModel(
        name="tiny",
        kind="embedder",
        backend="sentence_transformers",
        license="MIT",
        context_tokens=512,
        files=files
        or tuple(
            ModelFile(name) for name in ("config.json", "model.safetensors", "*.json", "*/*.json")
        ),
        openxlab=address,
        modelscope=address,
        huggingface=address,
    )
