"""Selects the files of a repository that belong to a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from assistant.errors import HubError
from assistant.model_hub.catalogue import CatalogueModel, ModelFile, RepositoryAddress
from assistant.model_hub.hub_protocol import Choose, Listing

_WEIGHTS = (".safetensors", ".bin", ".gguf")
# Files of a transformers or sentence-transformers folder; `|` separates alternatives.
_FOLDER_FILES = (
    "config.json",
    "*.safetensors|pytorch_model*.bin",
    "*.json",
    "*.txt",
    "*.model",
    "*.jinja",
    "*.py",
    "*/config.json",
    "*/*.safetensors|*/pytorch_model.bin",
)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def unlisted_model(name: str) -> CatalogueModel | None:
    """Return a model on Hugging Face and ModelScope for "owner/name"; None for other names.

    It is assumed to be a transformers or sentence-transformers folder.
    """
    if not _REPOSITORY.fullmatch(name):
        return None
    return CatalogueModel(
        name=name,
        kind="embedder",
        backend="sentence_transformers",
        license="unknown",
        context_tokens=None,
        files=tuple(ModelFile(file) for file in _FOLDER_FILES),
        modelscope=RepositoryAddress(name),
        huggingface=RepositoryAddress(name),
    )


def whole_model(model: CatalogueModel) -> Choose:
    """Return a function that chooses every file of the model.

    It raises HubError if a required file is not listed.
    """

    def choose(listing: Listing) -> Sequence[str]:
        if lacking := lacking_files(model, listing):
            ggufs = [name for name in listing if name.endswith(".gguf")]
            found = ", ".join((ggufs or sorted(listing))[:5]) or "nothing"
            raise _missing(f"lacks {lacking[0]}; lists {found}")
        wanted = [name for name in listing if any(matches(file, name) for file in model.files)]
        if any(name.endswith(".safetensors") for name in wanted):
            return [name for name in wanted if not name.endswith(".bin")]
        return wanted

    return choose


def one_file(name: str) -> Choose:
    """Return a function that chooses one file; it raises HubError if the file is not listed."""

    def choose(listing: Listing) -> Sequence[str]:
        if name not in listing:
            raise _missing(f"has no file {name}")
        return [name]

    return choose


def lacking_files(model: CatalogueModel, names: Collection[str]) -> list[str]:
    """Names and globs of the model's required files that match none of `names`."""
    return [
        file.name
        for file in model.files
        if is_needed(file) and not any(matches(file, name) for name in names)
    ]


def is_needed(file: ModelFile) -> bool:
    """Whether a model requires the file: plain names, and weights at the top level."""
    return not file.is_glob or (file.name.endswith(_WEIGHTS) and "/" not in file.name)


def matches(file: ModelFile, name: str) -> bool:
    """Whether `file` matches `name`; `*` stays within one folder, `|` separates alternatives."""
    globs = file.name.split("|")
    patterns = ("[^/]*".join(re.escape(part) for part in glob.split("*")) for glob in globs)
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def _missing(got: str) -> HubError:
    return HubError(got, expected="the model's files", action="Try another hub or name.")
