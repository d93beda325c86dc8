"""The `key: value` lines that a page may begin with; knows no YAML beyond those."""

from __future__ import annotations

import re
from collections.abc import Sequence

_KEY_VALUE = re.compile(r"([A-Za-z][\w-]*)\s*:(?:\s+(.*))?$")
_MOST_LINES = 200


def read_front_matter(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """Values by key in lower case, and the number of lines that the front matter takes.

    Nested values and lists are passed over. Without front matter: ({}, 0).
    """
    if not lines or lines[0].rstrip() != "---":
        return {}, 0
    values: dict[str, str] = {}
    for number, line in enumerate(lines[1:_MOST_LINES], start=2):
        if line.rstrip() in ("---", "..."):
            return (values, number) if values else ({}, 0)
        match = _KEY_VALUE.match(line.rstrip())
        if match:
            values[match[1].lower()] = _unquoted(match[2] or "")
        elif line.strip() and not values and not line.lstrip().startswith("#"):
            return {}, 0  # a rule above a text
    return {}, 0


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value
