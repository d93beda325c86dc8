"""Builds the addresses that open lines of a file from a source's link template."""

from __future__ import annotations

from string import Formatter
from urllib.parse import quote

LINK_FIELDS = ("commit", "path", "start_line", "end_line")


def link_for(template: str | None, commit: str, path: str, start_line: int, end_line: int) -> str:
    """Fill in a source's link template.

    Args:
        template: The template; None if the source has none.
        commit: Commit of the file; empty for a folder.
        path: Path inside the source; percent-encoded except for slashes.
        start_line: First line, from 1.
        end_line: Last line, inclusive.

    Returns:
        The address; empty if there is no template, or if the template needs a commit
        and there is none.
    """
    if not template or (not commit and "commit" in template_fields(template)):
        return ""
    return template.format(
        commit=commit, path=quote(path), start_line=start_line, end_line=end_line
    )


def template_fields(template: str) -> set[str]:
    """Return the replacement fields of a template, including format and conversion.

    Raises:
        ValueError: The braces do not match.
    """
    fields = set()
    for _, name, format_spec, conversion in Formatter().parse(template):
        if name is not None:
            suffix = (f"!{conversion}" if conversion else "") + (
                f":{format_spec}" if format_spec else ""
            )
            fields.add(name + suffix)
    return fields
