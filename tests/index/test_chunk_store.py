"""What a store keeps of its chunks, and what it releases."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import IndexCorruptError
from assistant.index.chunk_store import ChunkStore
from tests.builders import make_chunk


def test_chunks_come_back_with_all_that_they_have(tmp_path: Path) -> None:
    chunks = [
        make_chunk(id="1"),
        make_chunk(id="2", heading=(), page=1, box=(0.0, 0.25, 1.0, 1 / 3)),
        make_chunk(id="3", page=7),
    ]
    store = ChunkStore(tmp_path / "version", create=True)
    store.write(chunks, np.eye(3, 4, dtype=np.float32))
    assert store.get(["1", "2", "3"]) == {chunk.id: chunk for chunk in chunks}
    store.close()


def held(folder: Path) -> list[str]:
    """Files below a folder that this process has open."""
    files = [os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir()]
    return [file for file in files if str(folder) in file]


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
def test_a_database_that_is_refused_is_closed(tmp_path: Path) -> None:
    ChunkStore(tmp_path / "version", create=True).close()
    with closing(sqlite3.connect(tmp_path / "version/chroma.sqlite3")) as database:
        database.execute("DELETE FROM collections")
        database.commit()
    for number in range(2):  # the first of a process opens more
        folder = tmp_path / f"{number}"
        shutil.copytree(tmp_path / "version", folder)
        with pytest.raises(IndexCorruptError):
            ChunkStore(folder)
    ends = time.monotonic() + 5  # Chroma closes files in threads of its own
    while held(tmp_path) and time.monotonic() < ends:
        time.sleep(0.02)
    assert held(tmp_path) == []
