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
    ],
)
def test_bad_values_are_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match="(?i)" + variable.removeprefix("ASSISTANT_")):
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
