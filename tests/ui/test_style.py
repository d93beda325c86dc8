"""The stylesheet's colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assistant import ui

STYLE = (Path(ui.__file__).parent / "style.css").read_text(encoding="utf-8")
TEXTS = ("ink", "ink-soft", "ink-faint")
GROUNDS = ("paper", "sheet", "code")


def colours(selector: str) -> dict[str, str]:
    block = re.search(rf"^{re.escape(selector)} {{\n(.*?)^}}", STYLE, re.DOTALL | re.MULTILINE)
    assert block is not None
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[1]))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", [":root", ".dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_can_be_read_on_every_ground(mode: str, ground: str, text: str) -> None:
    found = colours(mode)
    darker, brighter = sorted((luminance(found[text]), luminance(found[ground])))
    assert (brighter + 0.05) / (darker + 0.05) >= 4.5
