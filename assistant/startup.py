"""Checks and log lines at start-up, before Gradio and the models are loaded."""

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
    """Check the configured address, files and folders, so that mistakes surface early.

    Raises:
        ServerError: The address or port cannot be listened on.
        SettingsError: A folder is a file, or the Chroma server's address is invalid.
        SourcesFileError: The sources file is invalid, or both it and the index are missing.
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
            "The sources file %s does not exist: the index is served without updates.",
            settings.sources_file,
        )


def tell_index(db_folder: Path) -> None:
    """Log which index is served.

    Raises:
        IndexNotFoundError: `db_folder` holds no finished build.
        IndexCorruptError: The manifest cannot be read.
        IndexMismatchError: The index has an unsupported format.
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
    except OSError:  # no permission: reading the file will report it
        return True


def _check_folder(variable: str, folder: Path) -> None:
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        usable = existing.is_dir()
    except OSError:  # no permission: the part that uses the folder will report it
        return
    if not usable:
        raise SettingsError(
            f"{variable} is {folder}, and {existing} is a file",
            expected="a folder",
            action=f"Set {variable} to a folder; a missing folder is created.",
        )
