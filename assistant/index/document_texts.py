"""Stores the text of every document of a version, which the line numbers of chunks refer to.

The lines around a passage are read from here, since a clone may be newer than the index. The
texts are compressed rows of an SQLite table.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from assistant.errors import IndexCorruptError

_FILE_NAME = "documents.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS documents (address TEXT PRIMARY KEY, text BLOB)"


def packed(text: str) -> bytes:
    """Compress a text to its stored form."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"))


def text_of(version: Path, address: str) -> str | None:
    """Return the text of a document; None if the version has no such document.

    Args:
        version: Folder of the version.
        address: `source/path` of the document.

    Raises:
        IndexCorruptError: The texts are missing or cannot be read.
    """
    text = packed_text_of(version, address)
    if text is None:
        return None
    try:
        return zlib.decompress(text).decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError, TypeError) as error:
        raise IndexCorruptError.of(version / _FILE_NAME, f"{address}: {error}") from error


def packed_text_of(version: Path, address: str) -> bytes | None:
    """Return the text of a document in its stored form; otherwise as `text_of`.

    Raises:
        IndexCorruptError: The texts are missing or cannot be read.
    """
    file = version / _FILE_NAME
    # Open without locks or journal files, since a version in use is never written.
    location = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    query = "SELECT text FROM documents WHERE address = ?"
    try:
        with closing(sqlite3.connect(location, uri=True)) as database:
            row = database.execute(query, (address,)).fetchone()
    except sqlite3.Error as error:
        raise IndexCorruptError.of(file, error) from error
    return None if row is None else row[0]


class DocumentTextsWriter:
    """Adds texts to a version that is not yet in use, including those copied with its folder.

    SQLite neither keeps a journal nor waits for the disk, since no reader sees a version that
    a crash left unfinished.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE_NAME
        with self._working():
            # Opened in one thread, and written in another.
            self._database = sqlite3.connect(self._file, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=OFF")
            self._database.execute("PRAGMA synchronous=OFF")
            self._database.execute(_TABLE)

    def write(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """Add or replace documents: (address, packed text)."""
        with self._working():
            self._database.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?)", documents)

    def finish(self, gone: Iterable[str]) -> int:
        """Remove documents by address, and close the file.

        Returns:
            The number of remaining documents.

        Raises:
            IndexCorruptError: The copied file is damaged.
        """
        with self._working():
            self._database.executemany(
                "DELETE FROM documents WHERE address = ?", ((address,) for address in gone)
            )
            (count,) = self._database.execute("SELECT count(*) FROM documents").fetchone()
            self._database.commit()
        self.close()
        return int(count)

    def close(self) -> None:
        """Release the file; an unfinished one is useless."""
        self._database.close()

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError:
            raise  # cannot be written, but is intact
        except sqlite3.DatabaseError as error:
            raise IndexCorruptError.of(self._file, error) from error
