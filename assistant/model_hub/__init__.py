"""Downloads the models of the catalogue from hubs, in the configured order.

`hub` tries one hub after the other. `catalogue` lists the models, `selection` determines which
files belong to a model, and `models_folder` verifies and stores them. `web_hubs` and `pypi`
are the hubs; downloads run in child processes (`download_process`, `watched_process`), whose
programs are in `children`.
"""

from assistant.model_hub.catalogue import CatalogueModel
from assistant.model_hub.hub import Endpoints, ModelHub

__all__ = ["CatalogueModel", "Endpoints", "ModelHub"]
