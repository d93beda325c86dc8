"""Runs the programs in `children/`, and chooses the files that they download."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from assistant.errors import HubError
from assistant.model_hub.catalogue import FileFacts
from assistant.model_hub.hub_protocol import Choose, Listing, Watch
from assistant.model_hub.watched_process import run_child

_CHILDREN = Path(__file__).resolve().parent / "children"


def download_listed(
    program: str,
    arguments: Sequence[str],
    *,
    python: Sequence[str],
    environment: Mapping[str, str],
    choose: Choose,
    into: Path,
    watch: Watch,
) -> dict[str, FileFacts]:
    """Run a child program that lists a repository and downloads the files chosen from it.

    Args:
        program: File name in `children/`.
        arguments: Its arguments; `into` is appended.
        python: The command that runs Python.
        environment: Variables added to this process's environment.
        choose: Chooses files from the listing.
        into: Download folder; the files end up in `into / "files"`. Kept if the download
            fails, so that the next one resumes.
        watch: Progress and time limit.

    Returns:
        The chosen files with the size and SHA-256 that the hub announces.

    Raises:
        HubError: The download failed or stalled, or a wanted file is missing.
        OSError: The disk is full.
    """
    chosen: dict[str, FileFacts] = {}

    def reply_to(line: str) -> tuple[str, int | None]:
        listing = _parse(line)
        for name in choose(listing):
            chosen[name] = listing[name]
        sizes = [facts.size for facts in chosen.values()]
        total = None if None in sizes else sum(size for size in sizes if size)
        return json.dumps(list(chosen)), total

    run_child(
        [*python, _CHILDREN / program, *arguments, into],
        # Empty, since the programs import `protocol` from their own folder.
        environment={"PYTHONSAFEPATH": "", **environment},
        folder=into,
        watch=watch,
        reply_to=reply_to,
    )
    if not chosen:
        raise HubError("lists no files", expected="the model's files", action="Try another hub.")
    return chosen


def _parse(line: str) -> Listing:
    """Parse the listing, dropping names that lead out of the folder."""
    try:
        entries: dict[str, tuple[int | None, str | None]] = json.loads(line)
        return {name: FileFacts(*facts) for name, facts in entries.items() if is_inside(name)}
    except (ValueError, TypeError, AttributeError) as error:
        raise HubError(
            f"the client printed {line[:80]!r}", expected="a listing", action="Try another hub."
        ) from error


def is_inside(name: str) -> bool:
    """Whether `name` is a relative path with forward slashes that stays in its folder."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and not {".."} & set(path.parts)
        and ("\\" not in name and ":" not in name)
    )
