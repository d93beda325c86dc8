"""OpenXLab as a hub; knows nothing of other hubs.

Its SDK pins old releases of libraries that the application needs newer, so that it runs in
an environment of its own, which `uv` makes at the first use and keeps in its cache.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from assistant.model_hub.catalogue import CatalogueModel, FileFacts
from assistant.model_hub.download_process import download_listed
from assistant.model_hub.hub_protocol import Choose, Watch
from assistant.model_hub.python_packages import uv_environment, uv_python
from assistant.model_hub.reachability import check_answers
from assistant.settings import Hub

ENDPOINT = "https://openapi.openxlab.org.cn/api/v1"
SDK = "openxlab==0.1.3"


@dataclass(frozen=True)
class OpenXLabHub:
    """Uses OpenXLab's SDK, with its own configuration (OPENXLAB_AK and OPENXLAB_SK)."""

    endpoint: str = ENDPOINT

    @property
    def name(self) -> Hub:
        """See `HubClient`."""
        return "openxlab"

    def check(self, seconds: float) -> None:
        """See `HubClient`."""
        check_answers(self.endpoint, seconds)

    def download(
        self, model: CatalogueModel, choose: Choose, into: Path, watch: Watch
    ) -> dict[str, FileFacts]:
        """See `HubClient`."""
        address = model.openxlab
        assert address is not None
        return download_listed(
            "openxlab_download.py",
            [self.endpoint, address.repository],
            python=uv_python(SDK, interpreter=sys.executable),
            environment=uv_environment(),
            choose=choose,
            into=into,
            watch=watch,
        )
