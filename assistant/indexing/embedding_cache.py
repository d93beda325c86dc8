"""Caches the vectors of texts on disk.

There is one SQLite file per embedder. A text that any build has embedded, finished or not, is
not embedded again.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from assistant.embeddings.base import Vectors

logger = logging.getLogger(__name__)

_LOOKUP = 500  # parameters of one SELECT; SQLite allows 999 in old versions
_SAVE_EVERY = 64  # texts; the most that an interruption can lose
_Result = TypeVar("_Result")
Encode = Callable[[Sequence[str]], Iterator[tuple[list[int], Vectors]]]


class EmbeddingCache:
    """A cache of one embedder's vectors; a damaged file is replaced, since it only saves time.

    Args:
        folder: Folder of the cache files; created if missing.
        identity: Identity of the embedder.
        dimension: Length of its vectors.
        encode: Embeds texts; yields batches of positions in them and their vectors.
    """

    def __init__(self, folder: Path, identity: str, dimension: int, encode: Encode) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.embedded = 0  # texts that went through the embedder
        self._dimension = dimension
        self._encode = encode
        self._file = folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.sqlite"
        self._database: sqlite3.Connection | None = None
        self._trying(lambda _: None)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _trying(self, call: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Return the result of `call`; if the file is damaged, retry with an empty one."""
        try:
            self._database = self._database or _opened(self._file)
            return call(self._database)
        except sqlite3.OperationalError:
            raise  # cannot be read or written, but is intact
        except sqlite3.DatabaseError as error:
            logger.warning("%s is damaged (%s); starting a new one", self._file, error)
        self.close()
        for end in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + end).unlink(missing_ok=True)
        self._database = _opened(self._file)
        return call(self._database)

    def vectors(
        self, texts: Sequence[str], ready: Callable[[int, int], None] = lambda _stored, _new: None
    ) -> Vectors:
        """Return the vectors of texts, embedding those that are not in the cache.

        Args:
            texts: Texts in any number; equal ones are embedded once.
            ready: Called after each batch with the number of texts that were in the cache and
                the number embedded so far.

        Returns:
            (n, dimension) float32 in the order of `texts`.
        """
        hashes = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        wanted = list(dict.fromkeys(hashes))
        found = self._trying(lambda database: dict(self._read(database, wanted)))
        missing = {key: text for key, text in zip(hashes, texts, strict=True) if key not in found}
        new = 0
        ready(len(texts) - len(missing), new)
        for rows in self._embed(missing):
            found.update(rows)
            new += len(rows)
            ready(len(texts) - len(missing), new)
        self.embedded += new
        result = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, key in enumerate(hashes):
            result[row] = np.frombuffer(found[key], dtype="<f4")
        return result

    def _embed(self, missing: dict[bytes, str]) -> Iterator[list[tuple[bytes, bytes]]]:
        if not missing:
            return
        keys = list(missing)
        unsaved: list[tuple[bytes, bytes]] = []
        try:
            for positions, batch in self._encode(list(missing.values())):
                rows = [
                    (keys[position], vector.astype("<f4").tobytes())
                    for position, vector in zip(positions, batch, strict=True)
                ]
                unsaved += rows
                if len(unsaved) >= _SAVE_EVERY:
                    self._save(unsaved)
                yield rows
        finally:
            self._save(unsaved)

    def _read(
        self, database: sqlite3.Connection, hashes: list[bytes]
    ) -> Iterator[tuple[bytes, bytes]]:
        size = 4 * self._dimension
        for start in range(0, len(hashes), _LOOKUP):
            part = hashes[start : start + _LOOKUP]
            marks = ",".join("?" * len(part))
            query = f"SELECT text_hash, vector FROM vectors WHERE text_hash IN ({marks})"  # noqa: S608 (`marks` are question marks)
            for key, vector in database.execute(query, part):
                if len(vector) == size:
                    yield key, vector

    def _save(self, rows: list[tuple[bytes, bytes]]) -> None:
        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

        self._trying(write)
        rows.clear()


def _opened(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=30)
    try:
        # Transactions stay atomic for readers and on power loss, without a disk sync for each.
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute(
            "CREATE TABLE IF NOT EXISTS vectors (text_hash BLOB PRIMARY KEY, vector BLOB)"
        )
    except BaseException:
        database.close()
        raise
    return database
