"""Larger versions of an index, for measuring how times grow; nothing is embedded."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from assistant.application import Application
from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.index import OpenVersion, open_version
from assistant.index.chunk_file import chunk_line, chunks_of, lines
from assistant.index.versions import new_version, switch_to
from assistant.indexing.search_files import SearchFiles
from assistant.indexing.writer import VersionWriter, Window
from assistant.settings import Settings

_NOISE = 0.02  # in each of 384 components: a cosine of 0.93 to the original
_REPLACED = 0.25  # share of the words of a copy
_WORD = re.compile(r"\w+")


def enlarge(settings: Settings, factor: int, db: Path) -> None:
    """Write an index of `factor` times the chunks of the one in use; nothing is embedded.

    Copies have other ids and paths, a quarter of their words is replaced, and their vectors
    are the originals with noise.
    """
    opened = open_version(settings.db_folder, Application(settings).embedder)
    documents = [chunks_of(line) for line in lines(opened.folder)]
    vectors = opened.store.vectors()
    version = new_version(db, None)
    search = SearchFiles(version, opened.manifest.dimension)
    writer = VersionWriter(version, create=True, server=None)
    pool = [word for chunks in documents for chunk in chunks for word in _WORD.findall(chunk.text)]
    for copy in range(factor):
        copied = [_copied(chunks, copy, pool) for chunks in documents]
        chunks = [chunk for document in copied for chunk in document]
        originals = [chunk.id for document in documents for chunk in document]
        rows = [chunk_line(document[0].address, document) for document in copied if document]
        block = _copies(copy, np.stack([vectors[identifier] for identifier in originals]))
        search.add(chunks, block)
        writer.put(Window(rows, chunks, block))
    writer.finish()
    search.write()
    search.close()
    _manifest(opened, factor).write(version)
    switch_to(db, version)
    opened.close()


def _copies(copy: int, originals: Vectors) -> Vectors:
    """The vectors (n, dimension) of one copy of all chunks; copy 0 has no noise."""
    if not copy:
        return originals
    noise = np.random.default_rng(copy).normal(0, _NOISE, originals.shape)
    block = originals + noise.astype(np.float32)
    return np.asarray(block / np.linalg.norm(block, axis=1, keepdims=True), dtype=np.float32)


def _copied(chunks: Sequence[Chunk], copy: int, pool: Sequence[str]) -> list[Chunk]:
    if copy == 0:
        return list(chunks)
    return [
        replace(
            chunk,
            id=hashlib.sha256(f"{copy} {chunk.id}".encode()).hexdigest()[: len(chunk.id)],
            path=f"copy{copy}/{chunk.path}",
            text=_reworded(chunk.text, pool, random.Random(f"{copy} {chunk.id}")),  # noqa: S311 (nothing secret)
        )
        for chunk in chunks
    ]


def _reworded(text: str, pool: Sequence[str], chance: random.Random) -> str:
    return _WORD.sub(
        lambda match: (
            pool[int(chance.random() * len(pool))] if chance.random() < _REPLACED else match[0]
        ),
        text,
    )


def _manifest(opened: OpenVersion, factor: int) -> Any:
    files = dict(opened.manifest.files)
    for address, content in opened.manifest.files.items():
        source, path = address.split("/", 1)
        files |= {f"{source}/copy{copy}/{path}": content for copy in range(1, factor)}
    return replace(opened.manifest, chunks=opened.manifest.chunks * factor, files=files)
