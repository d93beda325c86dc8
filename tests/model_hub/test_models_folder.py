"""What is there is used without a hub; what was damaged is noticed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from assistant.errors import HubError, ModelNotFoundError
from assistant.model_hub import CatalogueModel, ModelHub, models_folder
from assistant.model_hub.catalogue import FileFacts, ModelFile
from tests.model_hub.conftest import folder_model
from tests.model_hub.servers import sha256

WEIGHTS = b"weights" * 1000


def model(**facts: object) -> CatalogueModel:
    return folder_model(
        ModelFile("config.json"),
        ModelFile("model.safetensors", **facts),  # type: ignore[arg-type]
        ModelFile("*.json"),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that was brought by hand."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


def without_hubs(folder: Path, what: CatalogueModel) -> ModelHub:
    return ModelHub(folder.parent, (), 1, 1, catalogue={"tiny": what})


def test_a_folder_by_hand_is_accepted_and_remembered(folder: Path) -> None:
    hub = without_hubs(folder, model(bytes=len(WEIGHTS), sha256=sha256(WEIGHTS)))
    assert hub.fetch("tiny") == folder
    assert hub.has("tiny")
    marker = models_folder.Marker.read(folder)
    assert marker is not None
    assert marker.files["model.safetensors"].sha256 == sha256(WEIGHTS)


def test_a_folder_by_hand_with_other_weights_is_not(folder: Path) -> None:
    hub = without_hubs(folder, model(sha256=sha256(b"others")))
    with pytest.raises(ModelNotFoundError, match=r"SHA-256 .* instead of .*download_model.py tiny"):
        hub.fetch("tiny")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_folder_by_hand_without_the_weights_is_not(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert models_folder.problem_with(folder, model()) == "model.safetensors is missing"


def test_all_parts_of_split_weights_must_be_there(folder: Path) -> None:
    what = folder_model(ModelFile("config.json"), ModelFile("*.safetensors"))
    index = {"weight_map": {"a": "model.safetensors", "b": "second.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert models_folder.problem_with(folder, what) == "parts of the weights are missing"
    (folder / "second.safetensors").write_bytes(b"more")
    assert models_folder.problem_with(folder, what) is None


def test_a_truncated_file_is_noticed(folder: Path) -> None:
    hub = without_hubs(folder, model())
    hub.fetch("tiny")
    os.truncate(folder / "model.safetensors", 10)
    assert not hub.has("tiny")
    with pytest.raises(ModelNotFoundError, match="10 bytes instead of 7000"):
        hub.fetch("tiny")


def test_a_changed_file_is_noticed_and_a_copied_one_is_not(folder: Path) -> None:
    hub = without_hubs(folder, model())
    hub.fetch("tiny")
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert hub.has("tiny")
    marker = models_folder.Marker.read(folder)
    assert marker is not None
    assert marker.files["model.safetensors"].modified_ns == 1
    (folder / "model.safetensors").write_bytes(WEIGHTS[::-1])
    with pytest.raises(ModelNotFoundError, match=r"model\.safetensors has SHA-256"):
        hub.fetch("tiny")


def test_nothing_is_read_again_while_the_time_is_the_same(folder: Path) -> None:
    hub = without_hubs(folder, model())
    hub.fetch("tiny")
    status = (folder / "model.safetensors").stat()
    (folder / "model.safetensors").write_bytes(WEIGHTS[::-1])
    os.utime(folder / "model.safetensors", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert hub.has("tiny")


def test_a_file_that_is_missing_is_noticed(folder: Path) -> None:
    hub = without_hubs(folder, model())
    hub.fetch("tiny")
    (folder / "config.json").unlink()
    with pytest.raises(ModelNotFoundError, match=r"config\.json is missing"):
        hub.fetch("tiny")


def test_a_broken_marker_counts_for_nothing(folder: Path) -> None:
    (folder / models_folder.MARKER).write_text("{")
    assert models_folder.problem_with(folder, model()) is None
    assert models_folder.Marker.read(folder) is not None


def test_a_new_model_replaces_the_old_and_keeps_other_files(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.md").write_text("mine")
    arrived = tmp_path / "arrived"
    arrived.mkdir()
    (arrived / "config.json").write_text("new")
    (arrived / "model.safetensors").write_bytes(b"new")
    (arrived / "left-over.incomplete").write_bytes(b"")
    names = ("config.json", "model.safetensors")
    files = models_folder.verify(arrived, dict.fromkeys(names, FileFacts()), {})
    models_folder.place_model(
        arrived, folder, models_folder.Marker("pypi", True, files), tmp_path / "aside"
    )
    there = {path.name for path in folder.iterdir()}
    assert there == {*names, "notes.md", models_folder.MARKER}
    assert (folder / "config.json").read_text() == "new"
    assert not (tmp_path / "aside").exists()


def test_a_models_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    hub = ModelHub(tmp_path / "models", (), 1, 1, catalogue={"tiny": model()})
    with pytest.raises(HubError, match="ASSISTANT_MODELS_FOLDER"):
        hub.fetch("tiny")
