"""The model catalogue, and downloads from the hubs in the configured order.

`hub` tries the hubs one after the other. `catalogue` lists the models, `selection` says which
files belong to one, `models_folder` verifies and keeps them. `web_hubs` and `pypi` are the
hubs; their downloads run in child processes (`download_process`, `watched_process`), whose
programs are in `children`.
"""

from assistant.model_hub.catalogue import CatalogueModel, read_catalogue
from assistant.model_hub.hub import Endpoints, ModelHub

__all__ = ["CatalogueModel", "Endpoints", "ModelHub", "read_catalogue"]
