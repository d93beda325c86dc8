"""Reads YAML front matter."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

_CLOSING = ("---", "...")
_MOST_LINES = 200
_MOST_CHARACTERS = 20_000


def read_front_matter(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """Read the front matter at the start of a page.

    Returns:
        Values by lower-case key, and the number of lines of front matter. Only scalar values
        are kept, as strings without line breaks: `version: 1.10` gives "1.10". Without valid
        front matter the result is ({}, 0), and the lines belong to the page.
    """
    if not lines or lines[0].rstrip() != "---":
        return {}, 0
    ends = (n for n, line in enumerate(lines[:_MOST_LINES]) if n and line.rstrip() in _CLOSING)
    end = next(ends, 0)
    text = "\n".join(lines[1:end])
    if len(text) > _MOST_CHARACTERS:
        return {}, 0
    try:
        content = yaml.BaseLoader(text).get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        return {}, 0
    if not isinstance(content, dict):
        return {}, 0  # a horizontal rule above text
    values = {key: value for key, value in content.items() if isinstance(value, str)}
    return {str(key).lower(): " ".join(value.split()) for key, value in values.items()}, end + 1
