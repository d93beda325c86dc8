"""The manifest of an index version; only this module reads and writes its JSON."""

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
# Version of the files that `search_files` writes; increase it when any of their formats changes.
# The first number is `keywords.words.WORDS_VERSION`, which is too slow to import here.
SEARCH_VERSION = "2.1"
REBUILD = f"Run: {as_typed('build-index')}"
_FILE_NAME = "manifest.json"
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A source in the index.

    Attributes:
        commit: Commit of its files; empty for a folder or a source never fetched.
        link: Link template from the sources file.
        origins: Hashes of the addresses or folder its files come from.
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
    """A file in the index: the fingerprint of its content, and the number of its chunks."""

    fingerprint: str
    chunks: _Count


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of an index version, and the parameters it was built with.

    Attributes:
        embedder: `Embedder.identity` of the embedder.
        dimension: Length of a vector.
        splitting: Parameters that chunks depend on besides the files.
        chunks: Number of chunks.
        sources: Source name -> entry.
        files: `source/path` -> entry of the file.
        skipped: `source/path` -> reason why it is not in the index.
        unread: `source/path` -> fingerprint, for skipped files without indexable text.
        vectors: Location of the vectors: "embedded" in this folder, or a server's address.
        calibration: Measurements on this index; kept by updates with the same embedder and
            splitting.
        search_version: Version of the files that `search_files` wrote.
        format_version: Version of this file and its folder.
        metric: Distance metric of the vectors.
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
        """Write `manifest.json` to `folder` atomically, and flush it to the disk."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True)
        replace_text(folder / _FILE_NAME, text)

    @property
    def searchable(self) -> list[str]:
        """Names of the sources that have chunks; others are empty or were never fetched."""
        return [name for name, source in self.sources.items() if source.chunks]

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read and check the manifest in `folder`.

        Raises:
            IndexCorruptError: The manifest is missing, unreadable or invalid.
            IndexMismatchError: The manifest has another format version.
        """
        file = folder / _FILE_NAME
        try:
            text = file.read_bytes()
            content = from_json(text)
        except (OSError, ValueError) as error:
            raise IndexCorruptError.of(file, error) from error
        if not isinstance(content, dict) or "format_version" not in content:
            raise IndexCorruptError.of(file, "it has no format version")
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
            raise IndexCorruptError.of(
                file, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            ) from error
        if problem := manifest.contradiction:
            raise IndexCorruptError.of(file, problem)
        return manifest

    @property
    def contradiction(self) -> str:
        """The first contradiction between fields; empty if there is none."""
        chunks = sum(entry.chunks for entry in self.files.values())
        if chunks != self.chunks:
            return f"its files have {chunks} chunks, but its total is {self.chunks}"
        if unexplained := self.unread.keys() - self.skipped.keys():
            return f"it gives no reason for skipping {min(unexplained)}"
        return ""

    def check_embedder(self, identity: str, dimension: int) -> None:
        """Check that the index was built with the embedder used for questions.

        Raises:
            IndexMismatchError: The embedder, dimension or metric differs.
        """
        found = (self.embedder, self.dimension, self.metric)
        wanted = (identity, dimension, METRIC)
        for what, got, expected in zip(
            ("embedder", "dimension", "metric"), found, wanted, strict=True
        ):
            if got != expected:
                raise IndexMismatchError(
                    f"the index was built with {what} {got!r}",
                    expected=f"{what} {expected!r}, as configured",
                    action=f"{REBUILD}, or set ASSISTANT_EMBEDDER to the embedder of the index.",
                )

    def check_vectors(self, wanted: str) -> None:
        """Check that the vectors are where the settings say.

        Args:
            wanted: "embedded", or the server's address.

        Raises:
            IndexMismatchError: The vectors are elsewhere.
        """
        if self.vectors != wanted:
            raise IndexMismatchError(
                f"the vectors of this index are at {self.vectors!r}",
                expected=f"{wanted!r}, as configured",
                action=f"{REBUILD}, or set ASSISTANT_CHROMA_URL to match the index.",
            )


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)
