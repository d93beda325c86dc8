"""The hubs' own variables keep working, and names outside the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import ModelNotFoundError
from assistant.model_hub import Endpoints, ModelHub
from tests.model_hub.conftest import FILES, WANTED, folder_model
from tests.model_hub.servers import (
    OWNER_NAME,
    HuggingFaceServer,
    ModelScopeServer,
    OpenXLabServer,
)
from tests.model_hub.test_hub_contract import NOWHERE, contents, endpoints


def test_huggingface_offline_is_never_asked(tmp_path: Path) -> None:
    with HuggingFaceServer(FILES).running() as server:
        hub = ModelHub(
            tmp_path,
            ("huggingface",),
            3,
            60,
            endpoints=Endpoints(huggingface=server.address, huggingface_offline=True),
            catalogue={"tiny": folder_model()},
        )
        assert not hub.reachable()
        with pytest.raises(ModelNotFoundError, match="switched off by HF_HUB_OFFLINE"):
            hub.fetch("tiny")
        assert not server.headers


def huggingface(folder: Path, server: HuggingFaceServer) -> ModelHub:
    return ModelHub(
        folder,
        ("huggingface",),
        3,
        60,
        endpoints=endpoints(huggingface=server.address),
        catalogue={"tiny": folder_model()},
    )


def test_huggingface_token_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HuggingFaceServer(FILES).running() as server:
        huggingface(tmp_path, server).fetch_file("tiny", "config.json")
        sent = [headers.get("authorization") for headers in server.headers.values()]
    assert sent.count("Bearer hf_secret") == 2  # The listing and the file; the check has none.


def test_a_python_that_keeps_to_safe_paths_downloads_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    with HuggingFaceServer(FILES).running() as server:
        assert contents(huggingface(tmp_path, server).fetch("tiny")) == WANTED


def test_modelscope_token_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "ms-secret")
    with ModelScopeServer(FILES).running() as server:
        hub = ModelHub(
            tmp_path,
            ("modelscope",),
            3,
            60,
            endpoints=endpoints(modelscope=server.address),
            catalogue={"tiny": folder_model()},
        )
        hub.fetch_file("tiny", "config.json")
        listing = server.headers[f"/api/v1/models/{OWNER_NAME}/repo/files"]
    assert listing["Authorization"] == "Bearer ms-secret"


@pytest.mark.usefixtures("openxlab_sdk")
def test_openxlab_signs_in_with_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # The SDK keeps what it signed there.
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("OPENXLAB_AK", "access")
    monkeypatch.setenv("OPENXLAB_SK", "secret")
    with OpenXLabServer(FILES).running() as server:
        hub = ModelHub(
            tmp_path / "models",
            ("openxlab",),
            3,
            60,
            endpoints=endpoints(openxlab=server.address),
            catalogue={"tiny": folder_model()},
        )
        hub.fetch_file("tiny", "config.json")
        assert server.keys == ["access"]
        asked = server.headers["/model-center/api/v1/cli/repository/getFileDownloadUrl"]
        assert asked["Authorization"] == "signed-in"


def test_owner_and_name_outside_the_catalogue(tmp_path: Path) -> None:
    files = {**FILES, "pytorch_model.bin": b"the same weights again", "vocab.txt": b"words"}
    with HuggingFaceServer(files).running() as server:
        hub = ModelHub(
            tmp_path,
            ("modelscope", "huggingface"),
            3,
            60,
            endpoints=endpoints(huggingface=server.address),
            catalogue={},
        )
        folder = hub.fetch(OWNER_NAME)
        assert folder == tmp_path / "lab" / "tiny"
        assert contents(folder) == {**WANTED, "vocab.txt": b"words"}
        assert hub.fetch(OWNER_NAME) == folder


def test_old_weights_where_there_are_no_others(tmp_path: Path) -> None:
    files = {"config.json": b"{}", "pytorch_model.bin": b"weights", "model.onnx": b"other"}
    with HuggingFaceServer(files).running() as server:
        hub = ModelHub(
            tmp_path,
            ("huggingface",),
            3,
            60,
            endpoints=endpoints(huggingface=server.address),
            catalogue={},
        )
        assert set(contents(hub.fetch(OWNER_NAME))) == {"config.json", "pytorch_model.bin"}


def test_a_path_is_returned_as_it_is(tmp_path: Path) -> None:
    hub = ModelHub(tmp_path / "models", (), 3, 60, catalogue={})
    assert hub.fetch(str(tmp_path)) == tmp_path


def test_an_unknown_name_suggests_one() -> None:
    hub = ModelHub(Path("models"), (), 3, 60)
    with pytest.raises(ModelNotFoundError, match="did you mean multilingual-e5-small"):
        hub.fetch("multilingual-e5-smal")


def test_nobody_answers_within_the_limit(tmp_path: Path) -> None:
    hub = ModelHub(
        tmp_path,
        ("openxlab", "modelscope", "huggingface"),
        1,
        60,
        endpoints=endpoints(openxlab="http://127.0.0.1:9/api", modelscope=NOWHERE),
    )
    assert not hub.reachable()
