"""What every hub can do, and what a download is given; knows no particular hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from assistant.model_hub.catalogue import CatalogueModel, FileFacts
from assistant.progress import Progress
from assistant.settings import Hub

Listing = Mapping[str, FileFacts]
Choose = Callable[[Listing], Sequence[str]]


@dataclass(frozen=True)
class Watch:
    """How a download is followed.

    Attributes:
        stage: Its name in progress reports.
        timeout_seconds: Broken off when nothing arrives for so long.
        progress: Told the bytes that are there.
    """

    stage: str
    timeout_seconds: float
    progress: Progress


class HubClient(Protocol):
    """One hub. Every method raises HubError with the reason when it fails."""

    @property
    def name(self) -> Hub:
        """The name under which the catalogue has this hub's addresses."""
        ...

    def check(self, seconds: float) -> None:
        """Return when the hub answers; raise HubUnreachableError within about `seconds`."""
        ...

    def download(
        self, model: CatalogueModel, choose: Choose, into: Path, watch: Watch
    ) -> dict[str, FileFacts]:
        """Put the chosen files into `into / "files"`; go on with what lies in `into` already.

        Args:
            model: Has an address on this hub.
            choose: Given what the hub lists, names the wanted files; raises HubError
                when one that must be there is not.
            into: A folder of this hub's own, kept when the download breaks off.
            watch: Progress and time limit.

        Returns:
            The chosen files, with what the hub says of their content.
        """
        ...
