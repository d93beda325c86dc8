"""The schema of a [[source]] table in the sources file."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from assistant.sources.links import LINK_FIELDS, template_fields

_NAME = re.compile(r"\w(?:[\w .+-]*[\w+])?")
_RESERVED_NAME = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://.+|[\w.@-]+:[^:\\].*|[/~].+|[a-z]:[\\/].+", re.I)


def _folder_name(value: str) -> str:
    if not _NAME.fullmatch(value) or _RESERVED_NAME.fullmatch(value) or len(value) > 100:
        raise ValueError(
            "a valid folder name: letters and digits, with spaces or . _ + - between them"
        )
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value) or not value.isprintable() or value != value.strip():
        raise ValueError("an address such as https://github.com/acme/handbook, or a full path")
    return value


def _revision(value: str) -> str:
    if not re.fullmatch(r"(?!-)[^\s~^:?*\[\\]+", value):
        raise ValueError("the name of a branch or tag, or a commit")
    return value


def _glob(value: str) -> str:
    if not value.strip() or "\n" in value:
        raise ValueError("globs such as **/*.md")
    if value.startswith(("/", "./", "../")) or value.endswith("/"):
        raise ValueError("globs from the top of the source, such as docs/**")
    return value


def _link(value: str) -> str:
    known = ", ".join(f"{{{name}}}" for name in LINK_FIELDS)
    try:
        unknown = template_fields(value) - set(LINK_FIELDS)
    except ValueError as error:
        raise ValueError(f"matching braces around {known}") from error
    if unknown:
        raise ValueError(f"only {known}, not {{{min(unknown)}}}")
    if not re.match(r"https?://", value):
        raise ValueError("an address that begins with https:// or http://")
    return value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Globs = list[Annotated[str, AfterValidator(_glob)]]


class SourceTable(BaseModel):
    """One [[source]] table; validation messages state what was expected."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, AfterValidator(_folder_name)]
    git: Annotated[
        list[Annotated[str, AfterValidator(_address)]] | None,
        BeforeValidator(_as_list),
        Field(min_length=1),
    ] = None
    folder: Annotated[str, Field(min_length=1)] | None = None
    revision: Annotated[str, AfterValidator(_revision)] | None = None
    include: Annotated[_Globs, Field(min_length=1)] | None = None
    exclude: _Globs | None = None
    link: Annotated[str, AfterValidator(_link)] | None = None
