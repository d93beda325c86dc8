"""OpenXLab, ModelScope and Hugging Face: hubs with their own client library.

Each library runs in a child process, which can be monitored and ended. OpenXLab's library pins
old releases of packages that the application needs in newer ones, so it runs in a separate
environment, which `uv` creates on first use and caches.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistant.errors import HubUnreachableError
from assistant.model_hub.catalogue import CatalogueModel, FileFacts
from assistant.model_hub.download_process import download_listed
from assistant.model_hub.hub_protocol import Choose, Watch
from assistant.model_hub.python_packages import uv_environment, uv_python
from assistant.model_hub.reachability import check_answers
from assistant.settings import Hub

OPENXLAB_ENDPOINT = "https://openapi.openxlab.org.cn/api/v1"
OPENXLAB_SDK = "openxlab==0.1.3"


@dataclass(frozen=True)
class WebHub:
    """A hub, and how to run its client library.

    Attributes:
        hub: Name of the hub in the catalogue, and of its program in `children/`.
        endpoint: Address of its API.
        environment: Variables for the client library, in addition to the user's.
        requirement: Package to run in a separate environment; empty if the client library is
            installed with the application.
        switched_off_by: Variable that disables this hub; empty if none does.
    """

    hub: Hub
    endpoint: str
    environment: Mapping[str, str] = field(default_factory=dict)
    requirement: str = ""
    switched_off_by: str = ""

    def check(self, seconds: float) -> None:
        """See `HubClient`."""
        if self.switched_off_by:
            raise HubUnreachableError(
                f"switched off by {self.switched_off_by}",
                expected="permission to use the network",
                action=f"Unset {self.switched_off_by}.",
            )
        check_answers(self.endpoint, seconds)

    def download(
        self, model: CatalogueModel, choose: Choose, into: Path, watch: Watch
    ) -> dict[str, FileFacts]:
        """See `HubClient`."""
        address = getattr(model, self.hub)
        python, environment = [sys.executable], self.environment
        if self.requirement:
            python = uv_python(self.requirement, interpreter=sys.executable)
            environment = uv_environment()
        return download_listed(
            f"{self.hub}_download.py",
            [self.endpoint, address.repository, address.revision or ""],
            python=python,
            environment=environment,
            choose=choose,
            into=into,
            watch=watch,
        )


def openxlab(endpoint: str = OPENXLAB_ENDPOINT) -> WebHub:
    """OpenXLab, through its SDK with the SDK's own configuration (OPENXLAB_AK, OPENXLAB_SK)."""
    return WebHub("openxlab", endpoint, requirement=OPENXLAB_SDK)


def modelscope(endpoint: str) -> WebHub:
    """ModelScope, through its hub client with the client's variables (MODELSCOPE_API_TOKEN).

    Args:
        endpoint: Address with or without `https://`, which MODELSCOPE_DOMAIN lacks.
    """
    address = endpoint if "://" in endpoint else f"https://{endpoint}"
    return WebHub("modelscope", address, {"MODELSCOPE_ENDPOINT": address})


def huggingface(endpoint: str, *, offline: bool = False) -> WebHub:
    """Hugging Face or a mirror, through `huggingface_hub` with its variables (HF_TOKEN).

    Args:
        endpoint: Address of Hugging Face or a mirror.
        offline: Disable this hub.
    """
    variables = {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    off = "HF_HUB_OFFLINE" if offline else ""
    return WebHub("huggingface", endpoint, variables, switched_off_by=off)
