"""The interface of hubs, and the monitoring of their downloads."""

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
    """How to monitor a download.

    Attributes:
        stage: Name of the download in progress reports.
        timeout_seconds: Seconds without new data after which the download is aborted.
        progress: Receives the bytes downloaded so far.
    """

    stage: str
    timeout_seconds: float
    progress: Progress


class HubClient(Protocol):
    """A hub. Every method raises HubError with the reason if it fails."""

    def check(self, seconds: float) -> None:
        """Check that the hub responds.

        Raises:
            HubUnreachableError: It did not respond within about `seconds`.
        """
        ...

    def download(
        self, model: CatalogueModel, choose: Choose, into: Path, watch: Watch
    ) -> dict[str, FileFacts]:
        """Download the chosen files to `into / "files"`, resuming any earlier attempt.

        Args:
            model: A model with an address on this hub.
            choose: Chooses files from a listing; raises HubError if a required one is missing.
            into: A folder used by this hub only; kept if the download fails.
            watch: Progress and time limit.

        Returns:
            The chosen files, with the size and SHA-256 that the hub announces.

        Raises:
            HubError: The download failed or stalled, or a required file is missing.
        """
        ...
