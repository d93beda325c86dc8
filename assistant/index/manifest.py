"""What an index version says about itself: read, checked and written here alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from assistant.errors import IndexCorruptError, IndexMismatchError
from assistant.index.atomic_files import replace_text
from assistant.project import as_typed

FORMAT_VERSION = 3
METRIC = "cosine"
EMBEDDED = "embedded"
# Of what `search_files` writes; to be raised with any of its formats. The first number is
# `keywords.words.WORDS_VERSION`, which is not imported, as words are heavy to load.
SEARCH_VERSION = "2.1"
REBUILD = f"Run: {as_typed('build-index')}"
_FILE_NAME = "manifest.json"
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """What the index holds of one source.

    Attributes:
        commit: That its files are of; empty for a folder, and for a source never reached.
        link: Template of the addresses of its lines, as in the sources file.
        origins: Hashes of where its files are from.
        files: Number of its files in the index.
        chunks: Number of their chunks.
    """

    commit: str
    link: str | None
    origins: tuple[str, ...]
    files: _Count
    chunks: _Count


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file in the index: what it held when it was read, and the number of its chunks."""

    fingerprint: str
    chunks: _Count


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that must agree before an index is searched or updated.

    Attributes:
        embedder: `Embedder.identity`.
        dimension: Length of a vector.
        splitting: What chunks depend on besides the files: splitter version and sizes.
        chunks: Number of chunks.
        sources: Source name -> what the index holds of it.
        files: `source/path` -> the file as it was read.
        skipped: `source/path` -> why it is not in the index.
        unread: `source/path` -> fingerprint, of skipped files that were read in vain.
        vectors: Where the vectors are: "embedded" in this folder, or a server's address.
        calibration: What was measured on this index, kept by updates of the same
            embedder and splitting.
        search_version: Of the files that `search_files` wrote.
        format_version: Of this file and of the folder around it.
        metric: Distance of the vectors.
    """

    embedder: str
    dimension: _Count
    splitting: dict[str, Any]
    chunks: _Count
    sources: dict[str, SourceEntry]
    files: dict[str, FileEntry]
    skipped: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    vectors: str = EMBEDDED
    calibration: dict[str, Any] = field(default_factory=dict)
    search_version: str = ""
    format_version: int = FORMAT_VERSION
    metric: str = METRIC

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into `folder` in one step, and have it on the disk."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True)
        replace_text(folder / _FILE_NAME, text)

    @property
    def searchable(self) -> list[str]:
        """Names of the sources that have chunks; the others are empty or were never reached."""
        return [name for name, source in self.sources.items() if source.chunks]

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read and check the manifest in `folder`.

        Raises:
            IndexCorruptError: It is missing, cannot be read, or is not what a build wrote.
            IndexMismatchError: It is of another format version.
        """
        file = folder / _FILE_NAME
        try:
            text = file.read_bytes()
            content = from_json(text)
        except (OSError, ValueError) as error:
            raise damaged(file, str(error)) from error
        if not isinstance(content, dict) or "format_version" not in content:
            raise damaged(file, "it names no format version")
        if content["format_version"] != FORMAT_VERSION:
            raise IndexMismatchError(
                f"the index {folder} has format {content['format_version']}",
                expected=f"format {FORMAT_VERSION}",
                action=REBUILD,
            )
        try:
            manifest = _adapter().validate_json(text, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise damaged(file, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        if problem := manifest.contradiction:
            raise damaged(file, problem)
        return manifest

    @property
    def contradiction(self) -> str:
        """Where two fields do not agree; empty where all do."""
        chunks = sum(entry.chunks for entry in self.files.values())
        if chunks != self.chunks:
            return f"its files have {chunks} chunks, and it says {self.chunks}"
        if unexplained := self.unread.keys() - self.skipped.keys():
            return f"it gives no reason for skipping {min(unexplained)}"
        return ""

    def check_embedder(self, identity: str, dimension: int) -> None:
        """Compare with the embedder that questions will be embedded by.

        Raises:
            IndexMismatchError: Another embedder, dimension or metric.
        """
        found = (self.embedder, self.dimension, self.metric)
        wanted = (identity, dimension, METRIC)
        for what, got, expected in zip(
            ("embedder", "dimension", "metric"), found, wanted, strict=True
        ):
            if got != expected:
                raise IndexMismatchError(
                    f"the index was built with {what} {got!r}",
                    expected=f"{what} {expected!r}, which the settings name",
                    action=f"{REBUILD}, or set ASSISTANT_EMBEDDER to what the index has.",
                )

    def check_vectors(self, wanted: str) -> None:
        """Compare with where the settings say that the vectors are.

        Raises:
            IndexMismatchError: They are elsewhere.
        """
        if self.vectors != wanted:
            raise IndexMismatchError(
                f"the vectors of this index are at {self.vectors!r}",
                expected=f"{wanted!r}, which the settings name",
                action=f"{REBUILD}, or set ASSISTANT_CHROMA_URL to what the index has.",
            )


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def damaged(file: Path, what: str) -> IndexCorruptError:
    """The error for a file of an index version that cannot be used as it is."""
    return IndexCorruptError(
        f"{file} cannot be read: {what}",
        expected="the file that a finished build wrote",
        action=f"{REBUILD} --rebuild",
    )
