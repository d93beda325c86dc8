"""ModelScope as a hub; knows nothing of other hubs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from assistant.model_hub.catalogue import CatalogueModel, FileFacts
from assistant.model_hub.download_process import download_listed
from assistant.model_hub.hub_protocol import Choose, Watch
from assistant.model_hub.reachability import check_answers
from assistant.settings import Hub


@dataclass(frozen=True)
class ModelScopeHub:
    """Uses ModelScope's hub client, with its own variables (MODELSCOPE_API_TOKEN and so on)."""

    endpoint: str

    @property
    def name(self) -> Hub:
        """See `HubClient`."""
        return "modelscope"

    def check(self, seconds: float) -> None:
        """See `HubClient`."""
        check_answers(self._address, seconds)

    def download(
        self, model: CatalogueModel, choose: Choose, into: Path, watch: Watch
    ) -> dict[str, FileFacts]:
        """See `HubClient`."""
        address = model.modelscope
        assert address is not None
        return download_listed(
            "modelscope_download.py",
            [self._address, address.repository, address.revision or ""],
            python=[sys.executable],
            environment={"MODELSCOPE_ENDPOINT": self._address},
            choose=choose,
            into=into,
            watch=watch,
        )

    @property
    def _address(self) -> str:
        """The endpoint; MODELSCOPE_DOMAIN comes without `https://`."""
        return self.endpoint if "://" in self.endpoint else f"https://{self.endpoint}"
