"""Settings of the assistant: `fields` defines, `reading` loads and `table` documents them."""

from assistant.project import PROJECT_FOLDER
from assistant.settings.fields import Hub, Settings
from assistant.settings.reading import load_settings
from assistant.settings.table import settings_table

__all__ = ["PROJECT_FOLDER", "Hub", "Settings", "load_settings", "settings_table"]
