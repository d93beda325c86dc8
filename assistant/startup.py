"""What is checked, and told in the log, before gradio and the models are loaded."""

from __future__ import annotations

import logging
from pathlib import Path

from assistant.door import listen
from assistant.errors import IndexNotFoundError, SettingsError
from assistant.index import Manifest, current_version
from assistant.index.chroma import check_address
from assistant.index.manifest import REBUILD
from assistant.settings import Settings
from assistant.sources import read_sources

logger = logging.getLogger(__name__)

_NAMED_SOURCES = 6


def check_settings(settings: Settings) -> None:
    """Find what would stop the start later: the address, files and folders of the settings.

    Raises:
        ServerError: The address cannot be listened on.
        SettingsError: A folder is a file, or the address of the Chroma server is none.
        SourcesFileError: The sources file is invalid; or missing, where there is no index.
    """
    listen(settings.host, settings.port).close()
    for variable in ("db_folder", "models_folder", "repositories_folder"):
        _check_folder(f"ASSISTANT_{variable.upper()}", getattr(settings, variable))
    if settings.chroma_url:
        check_address(settings.chroma_url)
    if _exists(settings.sources_file) or current_version(settings.db_folder) is None:
        read_sources(settings.sources_file)
    else:
        logger.warning(
            "There is no sources file %s: the index is served without updates.",
            settings.sources_file,
        )


def tell_index(db_folder: Path) -> None:
    """Log which index is served.

    Raises:
        IndexNotFoundError: Nothing was built in `db_folder`.
        IndexCorruptError: Its manifest cannot be read.
        IndexMismatchError: It has another format.
    """
    version = current_version(db_folder)
    if version is None:
        raise IndexNotFoundError(
            f"there is no index in {db_folder}", expected="a finished build", action=REBUILD
        )
    manifest = Manifest.read(version)
    names = manifest.searchable
    more = ["…"] if len(names) > _NAMED_SOURCES else []
    logger.info(
        "index: %s, version %s: %d chunks, sources: %d (%s)",
        db_folder,
        version.name,
        manifest.chunks,
        len(names),
        ", ".join(names[:_NAMED_SOURCES] + more),
    )


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # no permission to look: reading it says so
        return True


def _check_folder(variable: str, folder: Path) -> None:
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        usable = existing.is_dir()
    except OSError:  # no permission to look: whoever needs the folder says more
        return
    if not usable:
        raise SettingsError(
            f"{variable} is {folder}, and {existing} is a file",
            expected="a folder",
            action=f"Set {variable} to a folder; one that is missing is made.",
        )
