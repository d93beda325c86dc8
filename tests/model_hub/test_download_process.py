"""What a child program may say."""

from __future__ import annotations

import pytest

from assistant.model_hub.download_process import is_inside


@pytest.mark.parametrize("name", ["config.json", "1_Pooling/config.json", "a..b"])
def test_names_inside(name: str) -> None:
    assert is_inside(name)


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../up", "a/../../up", "a\\b", "C:x"])
def test_names_that_lead_out(name: str) -> None:
    assert not is_inside(name)
