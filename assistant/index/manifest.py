"""What an index version says about itself; knows nothing of vectors."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from assistant.errors import IndexCorruptError, IndexMismatchError

FORMAT_VERSION = 2
READABLE_FORMATS = (1, 2)  # format 1 is searched as it is and written anew by the next build
METRIC = "cosine"
EMBEDDED = "embedded"
# Of what `search_files` writes; to be raised with any of its formats. The first number is
# `keywords.words.WORDS_VERSION`, which is not imported, as words are heavy to load.
SEARCH_VERSION = "2.1"
REBUILD = "Run: python scripts/build_index.py"
_FILE_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that must agree before an index is searched or updated.

    Attributes:
        embedder: `Embedder.identity`.
        dimension: Length of a vector.
        splitting: What chunks depend on besides the files: splitter version and sizes.
        chunks: Number of chunks.
        sources: Per source its commit, its link template, hashes of where it is from, and
            its files and chunks by number.
        files: `source/path` -> [fingerprint of the file, number of its chunks].
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
    dimension: int
    splitting: dict[str, Any]
    chunks: int
    sources: dict[str, dict[str, Any]]
    files: dict[str, Any]
    skipped: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    vectors: str = EMBEDDED
    calibration: dict[str, Any] = field(default_factory=dict)
    search_version: str = ""
    format_version: int = FORMAT_VERSION
    metric: str = METRIC

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into `folder`, and have it on the disk."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True)
        with (folder / _FILE_NAME).open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())

    @property
    def searchable(self) -> list[str]:
        """Names of the sources that have chunks; others could not be had, or are empty."""
        return [name for name, source in self.sources.items() if source["chunks"]]

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read and check the manifest in `folder`.

        Raises:
            IndexCorruptError: It is missing, is not JSON or lacks a field.
            IndexMismatchError: It is of a format version that is not understood.
        """
        file = folder / _FILE_NAME
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _corrupt(file, str(error)) from error
        if not isinstance(content, dict) or "format_version" not in content:
            raise _corrupt(file, "it names no format version")
        if content["format_version"] not in READABLE_FORMATS:
            raise IndexMismatchError(
                f"the index {folder} has format {content['format_version']}",
                expected=f"format {FORMAT_VERSION}",
                action=REBUILD,
            )
        missing = set(_REQUIRED) - set(content)
        if missing:
            raise _corrupt(file, f"it lacks {', '.join(sorted(missing))}")
        return cls(**{f.name: content[f.name] for f in fields(cls) if f.name in content})

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


_REQUIRED = ("embedder", "dimension", "splitting", "chunks", "sources", "files", "metric")


def _corrupt(file: Path, what: str) -> IndexCorruptError:
    return IndexCorruptError(
        f"{file} cannot be read: {what}",
        expected="the manifest that a finished build wrote",
        action=f"{REBUILD} --rebuild",
    )
