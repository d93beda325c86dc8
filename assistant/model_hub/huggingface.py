"""Hugging Face, or a mirror of it, as a hub; knows nothing of other hubs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import HubUnreachableError
from assistant.model_hub.catalogue import CatalogueModel, FileFacts
from assistant.model_hub.download_process import download_listed
from assistant.model_hub.hub_protocol import Choose, Watch
from assistant.model_hub.reachability import check_answers
from assistant.settings import Hub


@dataclass(frozen=True)
class HuggingFaceHub:
    """Uses `huggingface_hub`, with its own variables (HF_TOKEN, HF_HOME and so on)."""

    endpoint: str
    offline: bool = False

    @property
    def name(self) -> Hub:
        """See `HubClient`."""
        return "huggingface"

    def check(self, seconds: float) -> None:
        """See `HubClient`."""
        if self.offline:
            raise HubUnreachableError(
                "switched off by HF_HUB_OFFLINE",
                expected="leave to use the network",
                action="Unset HF_HUB_OFFLINE.",
            )
        check_answers(self.endpoint, seconds)

    def download(
        self, model: CatalogueModel, choose: Choose, into: Path, watch: Watch
    ) -> dict[str, FileFacts]:
        """See `HubClient`."""
        address = model.huggingface
        assert address is not None
        return download_listed(
            "huggingface_download.py",
            [self.endpoint, address.repository, address.revision or ""],
            python=[sys.executable],
            environment={
                "HF_ENDPOINT": self.endpoint,
                "HF_HUB_OFFLINE": "0",
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            },
            choose=choose,
            into=into,
            watch=watch,
        )
