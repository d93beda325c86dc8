"""Settings: where they come from, what is refused, and that each is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.settings import PROJECT_FOLDER, Settings, load_settings, settings_table


@pytest.fixture(autouse=True)
def no_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_environment_file_and_arguments_in_order(
    no_env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (no_env_file / ".env").write_text("ASSISTANT_PORT=1001\nASSISTANT_TITLE=File\n")
    monkeypatch.setenv("ASSISTANT_PORT", "1002")
    assert (load_settings().port, load_settings().title) == (1002, "File")
    assert load_settings(port=1003, title=None).port == 1003


def test_platform_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/x")
    assert (load_settings().host, load_settings().root_path) == ("0.0.0.0", "/x")


def test_hubs_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_HUBS", "pypi, modelscope")
    assert load_settings().hubs == ("pypi", "modelscope")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ASSISTANT_PORT", "http"),
        ("ASSISTANT_PORT", "99999"),
        ("ASSISTANT_HUBS", "nohub"),
        ("ASSISTANT_HUBS", "pypi,"),
        ("ASSISTANT_CHAT_BACKEND", "magic"),
        ("ASSISTANT_DB_FOLDER", "~no-such-user/db"),
        ("ASSISTANT_CHAT_MODEL", "~no-such-user/model"),
    ],
)
def test_bad_values_are_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match="(?i)" + variable.removeprefix("ASSISTANT_")):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ASSISTANT_CHAT_BACKEND", "llamacpp", "Did you mean llama_cpp?"),
        ("ASSISTANT_HUBS", "pypi,modelscop", "Did you mean modelscope?"),
        ("ASSISTANT_CHROMA_TOKEN_HEADER", "X-Chroma", "Did you mean X-Chroma-Token?"),
        ("GRADIO_SERVER_PORT", "99999", "less than or equal to 65535"),
        ("HF_HUB_OFFLINE", "maybe", "a valid boolean"),
    ],
)
def test_the_variable_that_was_set_is_named(
    no_env_file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{variable} is ")
    assert said in str(caught.value)
    monkeypatch.delenv(variable)
    (no_env_file / ".env").write_text(f"{variable}={value}\n")
    with pytest.raises(SettingsError, match=f"^{variable} is "):
        load_settings()


def test_variables_that_are_no_settings_are_told_with_the_nearest_one(
    no_env_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("ASSISTANT_SMALL_GGUF", raising=False)  # of the tests
    monkeypatch.setenv("ASSISTANT_PROT", "7777")
    monkeypatch.setenv("ASSISTANT_PORT", "7778")
    monkeypatch.setenv("assistant_title", "ours")
    (no_env_file / ".env").write_text("ASSISTANT_CHAT_MODLE=x\nASSISTANT_HITS=5\nOTHER=1\n")
    assert load_settings().port == 7778
    assert [record.message for record in caplog.records] == [
        "ASSISTANT_CHAT_MODLE is not a setting; did you mean ASSISTANT_CHAT_MODEL?",
        "ASSISTANT_PROT is not a setting; did you mean ASSISTANT_PORT?",
    ]


def test_an_empty_variable_is_as_if_it_was_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CHAT_THREADS", "LORA_FOLDER", "ANSWERABLE_THRESHOLD", "SOURCES_FILE"):
        monkeypatch.setenv(f"ASSISTANT_{variable}", "")
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    assert load_settings() == load_settings(chat_threads=None)
    assert load_settings().lora_folder is None
    assert load_settings().sources_file.name == "sources.toml"


def test_an_env_file_in_another_encoding_says_so(no_env_file: Path) -> None:
    (no_env_file / ".env").write_bytes("ASSISTANT_TITLE=知识库".encode("gbk"))
    with pytest.raises(SettingsError, match=r"\.env cannot be read.*UTF-8"):
        load_settings()
    (no_env_file / ".env").write_bytes("ASSISTANT_TITLE=知识库".encode("utf-8-sig"))
    assert load_settings().title == "知识库"


def test_the_home_folder_in_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_MODELS_FOLDER", "~/models")
    monkeypatch.setenv("ASSISTANT_CHAT_MODEL", "~/my-model")
    assert load_settings().models_folder == Path.home() / "models"
    assert load_settings().chat_model == str(Path.home() / "my-model")


@pytest.mark.parametrize(("context", "answer"), [("512", None), (None, "4096")])
def test_an_answer_that_leaves_no_room_for_the_question(
    monkeypatch: pytest.MonkeyPatch, context: str | None, answer: str | None
) -> None:
    for name, value in (("CHAT_CONTEXT_TOKENS", context), ("ANSWER_TOKENS", answer)):
        if value:
            monkeypatch.setenv(f"ASSISTANT_{name}", value)
    with pytest.raises(SettingsError, match=r"ANSWER_TOKENS.*at least 400 less"):
        load_settings()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


def test_keys_are_not_shown() -> None:
    assert "secret" not in repr(load_settings(openai_api_key="secret"))


def test_every_setting_is_documented() -> None:
    text = (PROJECT_FOLDER / "docs" / "settings.md").read_text(encoding="utf-8")
    assert settings_table() in text, "run python scripts/document_settings.py"
    assert all(field.description for field in Settings.model_fields.values())
