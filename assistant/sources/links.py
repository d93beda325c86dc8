"""The address that opens lines of a file; knows nothing of what serves it."""

from __future__ import annotations

from string import Formatter
from urllib.parse import quote

from assistant.documents import Source

LINK_FIELDS = ("commit", "path", "start_line", "end_line")


def link_for(source: Source, commit: str, path: str, start_line: int, end_line: int) -> str:
    """Fill in the source's link template.

    Args:
        source: Has the template.
        commit: Empty for a folder.
        path: Inside the source; is quoted for a URL, slashes stay.
        start_line: First line, from 1.
        end_line: Last line, included.

    Returns:
        Empty where the source has no template, or the template asks for a commit and
        there is none.
    """
    if not source.link or (not commit and "commit" in template_fields(source.link)):
        return ""
    return source.link.format(
        commit=commit, path=quote(path), start_line=start_line, end_line=end_line
    )


def template_fields(template: str) -> set[str]:
    """Return what stands between braces, format and conversion included.

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
