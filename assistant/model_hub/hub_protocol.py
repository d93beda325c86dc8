"""The interface of a hub, and how its downloads are followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from assistant.model_hub.catalogue import CatalogueModel, FileFacts
from assistant.progress import Progress

Listing = Mapping[str, FileFacts]
Choose = Callable[[Listing], Sequence[str]]


@dataclass(frozen=True)
class Watch:
    """How a download is followed.

    Attributes:
        stage: Its name in progress reports.
        timeout_seconds: Seconds without new data after which the download is aborted.
        progress: Receives the bytes downloaded so far.
    """

    stage: str
    timeout_seconds: float
    progress: Progress


class HubClient(Protocol):
    """One hub. Every method raises HubError with the reason when it fails."""

    def check(self, seconds: float) -> None:
        """Return when the hub answers; raise HubUnreachableError within about `seconds`."""
        ...

    def download(
        self, model: CatalogueModel, choose: Choose, into: Path, watch: Watch
    ) -> dict[str, FileFacts]:
        """Put the chosen files into `into / "files"`; resume what is in `into` already.

        Args:
            model: Has an address on this hub.
            choose: Names the wanted files of a listing; raises HubError when a required
                file is missing from it.
            into: A folder of this hub's own, kept when the download fails.
            watch: Progress and time limit.

        Returns:
            The chosen files, with the size and SHA-256 that the hub announces.
        """
        ...
