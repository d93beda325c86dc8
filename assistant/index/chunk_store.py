"""Stores chunks and their vectors in a Chroma collection, in a folder or on a server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.errors import IndexCorruptError
from assistant.index.atomic_files import write_error
from assistant.index.chroma import (
    ChromaServer,
    embedded_client,
    server_client,
    server_error,
    where_chroma_opens,
)
from assistant.index.chunk_links import filled_in
from assistant.index.manifest import METRIC, SourceEntry

_COLLECTION = "chunks"
_WRITE = 1000  # rows per call
_RETRY_SECONDS = 0.3
_HEADING_SEPARATOR = "\x1f"  # never in a heading; Chroma does not guarantee the order of lists
# A wide search list, since the retriever asks for 500 chunks and should miss few of them.
# Small batches, since vectors not in the graph when a build ends are inserted at every opening,
# in a different order, so that hits would differ between starts.
_HNSW = {
    "space": METRIC,
    "ef_construction": 200,
    "ef_search": 600,
    "batch_size": 100,
    "sync_threshold": 100,
}
_Result = TypeVar("_Result")


class ChunkStore:
    """The open collection of a version.

    Args:
        folder: Folder of the version; with a server, only its name is used.
        create: Create the collection instead of opening it.
        sources: Source name -> entry, whose commit and link are not stored in chunks.
        server: Server that holds the collection; None if it is in `folder`.

    Raises:
        IndexCorruptError: The collection is missing or cannot be read.
        IndexServerError: The server does not respond.
    """

    def __init__(
        self,
        folder: Path,
        *,
        create: bool = False,
        sources: Mapping[str, SourceEntry] | None = None,
        server: ChromaServer | None = None,
    ) -> None:
        from chromadb.errors import ChromaError

        self._folder = folder
        self._sources = sources or {}
        self._server = server
        self._files = ExitStack()
        name = collection_name(folder) if server else _COLLECTION
        try:
            self._client = server_client(server) if server else self._embedded(folder)
            self._files.callback(self._client.close)
            if create:
                self._collection = self._client.create_collection(
                    name, configuration={"hnsw": _HNSW}, embedding_function=None
                )
            else:
                self._collection = self._client.get_collection(name, embedding_function=None)
        except (ChromaError, ValueError) as error:
            self.close()
            raise self._corrupt(error) from error

    def _corrupt(self, error: Exception) -> IndexCorruptError:
        return IndexCorruptError.of(f"the Chroma database in {self._folder}", error)

    def __len__(self) -> int:
        """Number of chunks.

        Raises:
            IndexCorruptError: They cannot be counted.
        """
        from chromadb.errors import ChromaError

        try:
            return int(self._reading(self._collection.count))
        except ChromaError as error:
            raise self._corrupt(error) from error

    def close(self) -> None:
        """Write pending changes and release the files."""
        self._files.close()

    def nearest(
        self,
        vector: NDArray[np.float32],
        count: int,
        among: Sequence[str] | None = None,
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Find the chunks nearest to a vector.

        Args:
            vector: (dimension,) float32, not zero; need not be normalised.
            count: Number of chunks; fewer if the index has fewer.
            among: Ids to choose from; None for all.

        Returns:
            Ids and (n,) cosine similarities, best first.
        """
        result = self._reading(
            lambda: self._collection.query(
                query_embeddings=[vector],
                n_results=count,
                ids=among if among is None else list(among),
                include=["distances"],
            )
        )
        cosines = np.float32(1) - np.asarray(result["distances"][0], dtype=np.float32)
        return result["ids"][0], cosines

    def get(self, identifiers: Iterable[str]) -> dict[str, Chunk]:
        """Chunk id -> chunk; unknown ids are omitted."""
        wanted = list(identifiers)
        if not wanted:
            return {}
        part = self._reading(
            lambda: self._collection.get(ids=wanted, include=["documents", "metadatas"])
        )
        rows = zip(part["ids"], part["documents"] or [], part["metadatas"] or [], strict=True)
        return {row[0]: filled_in(_as_chunk(*row), self._sources) for row in rows}

    def vectors(self, identifiers: Sequence[str] | None = None) -> dict[str, Vectors]:
        """Chunk id -> vector (dimension,) float32; of all chunks if `identifiers` is None."""
        content = self._reading(
            lambda: self._collection.get(ids=identifiers, include=["embeddings"])
        )
        return dict(zip(content["ids"], np.asarray(content["embeddings"], np.float32), strict=True))

    def write(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Add chunks, or replace those with the same ids.

        Args:
            chunks: The chunks, in any number.
            vectors: (n, dimension) float32, in the order of `chunks`.

        Raises:
            IndexWriteError: The database cannot be written.
            IndexServerError: The server does not respond.
        """
        for start in range(0, len(chunks), _WRITE):
            part = chunks[start : start + _WRITE]
            rows = vectors[start : start + _WRITE]
            self._writing(
                lambda part=part, rows=rows: self._collection.upsert(  # type: ignore[misc]
                    ids=[chunk.id for chunk in part],
                    embeddings=rows,
                    documents=[chunk.text for chunk in part],
                    metadatas=[_metadata(chunk) for chunk in part],
                )
            )

    def delete(self, identifiers: Sequence[str]) -> None:
        """Remove chunks by id.

        Raises:
            IndexWriteError: The database cannot be written.
            IndexServerError: The server does not respond.
        """
        for start in range(0, len(identifiers), _WRITE):
            part = list(identifiers[start : start + _WRITE])
            self._writing(lambda part=part: self._collection.delete(ids=part))  # type: ignore[misc]

    def _embedded(self, folder: Path) -> Any:
        return embedded_client(self._files.enter_context(where_chroma_opens(folder)))

    def _reading(self, call: Callable[[], _Result]) -> _Result:
        """Call Chroma; retry once in case the server was restarted since the last call."""
        if self._server is None:
            return call()
        import httpx

        try:
            return call()
        except httpx.TransportError:
            time.sleep(_RETRY_SECONDS)
        try:
            return call()
        except httpx.TransportError as error:
            raise server_error(self._server.url, error) from error

    def _writing(self, call: Callable[[], Any]) -> None:
        from chromadb.errors import ChromaError

        try:
            self._reading(call)
        except ChromaError as error:
            raise write_error(self._folder, error) from error


def collection_name(version: Path) -> str:
    """Name of a version's collection on a server."""
    return f"{_COLLECTION}-{version.name}"


def drop_collection(version: Path, server: ChromaServer) -> None:
    """Remove a version's collection, if it exists, from a server.

    Raises:
        IndexServerError: The server does not respond.
    """
    from chromadb.errors import ChromaError

    try:
        server_client(server).delete_collection(collection_name(version))
    except (ChromaError, ValueError):
        return


def _metadata(chunk: Chunk) -> dict[str, Any]:
    fields = {
        "source": chunk.source,
        "path": chunk.path,
        "heading": _HEADING_SEPARATOR.join(chunk.heading),
        "start_line": chunk.start_line,
        "end_line": chunk.end_line,
        "commit": chunk.commit,
        "url": chunk.url,
        "language": chunk.language,
        "token_count": chunk.token_count,
        "page": chunk.page,
        "box": None if chunk.box is None else json.dumps(chunk.box),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _as_chunk(identifier: str, text: str | None, metadata: Any) -> Chunk:
    values = dict(metadata)
    heading = values.pop("heading")
    box = values.pop("box", None)
    return Chunk(
        id=identifier,
        text=text or "",
        heading=tuple(heading.split(_HEADING_SEPARATOR)) if heading else (),
        box=tuple(json.loads(box)) if box else None,
        **values,
    )
