"""The questions offered at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.ui.examples import built_in_examples, read_examples


def test_examples_are_offered_where_their_source_is() -> None:
    everything = built_in_examples(["starter"])
    assert 4 <= len(everything["zh"]) == len(everything["en"]) <= 6
    assert len(built_in_examples(["lagent"])["en"]) == 1
    assert built_in_examples(["handbook"]) == {"zh": (), "en": ()}


def test_an_owner_can_write_others(tmp_path: Path) -> None:
    file = tmp_path / "examples.toml"
    file.write_text('zh = ["年假几天？"]\nen = ["How many days off?"]\n', encoding="utf-8")
    assert read_examples(file) == {"zh": ("年假几天？",), "en": ("How many days off?",)}


@pytest.mark.parametrize("content", [None, "zh = [", "zh = 3", "en = [1]", b"\xff\xfe"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | bytes | None) -> None:
    file = tmp_path / "examples.toml"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError, match=r"examples\.toml"):
        read_examples(file)
