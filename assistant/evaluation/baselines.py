"""Simpler rankings to compare the retriever with, each lacking some of its parts.

Every variant returns the addresses of its ten best passages, best first; an address may occur
more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.errors import IndexNotFoundError
from assistant.index import OpenVersion
from assistant.index.chroma import embedded_client
from assistant.index.nearest import best
from assistant.keywords.concepts import Rows, bm25, concepts
from assistant.retriever.candidates import Candidates, candidates
from assistant.retriever.fusion import reciprocal_rank_fusion
from assistant.retriever.passages import Passages
from assistant.retriever.retriever import fuse

Vector = NDArray[np.float32]
Variant = Callable[[OpenVersion, str, Vector], list[str]]

_K = 10
_LISTED = 100  # length of each ranking before fusion
_PLAIN_CONSTANT = 60  # Cormack, Clarke and Büttcher, SIGIR 2009
_COURSE_COLLECTION = "course"


def dense(version: OpenVersion, question: str, vector: Vector) -> list[str]:  # noqa: ARG001 (all baselines are called alike)
    """Cosine only."""
    return _addresses(version, _by_cosine(version, vector))


def keyword(version: OpenVersion, question: str, vector: Vector) -> list[str]:  # noqa: ARG001 (all baselines are called alike)
    """BM25 only, without translations of words."""
    return _addresses(version, _by_words(version, question).tolist())


def plain_fusion(version: OpenVersion, question: str, vector: Vector) -> list[str]:
    """Both, with reciprocal rank fusion as published: constant 60, equal weights."""
    return _fused(version, _by_cosine(version, vector), _by_words(version, question).tolist())


def with_centres(version: OpenVersion, question: str, vector: Vector) -> list[str]:
    """Plain fusion, with vectors centred by language."""
    found = _found(version, question, vector)
    return _fused(version, found.dense.tolist(), _by_words(version, question).tolist())


def with_glossary(version: OpenVersion, question: str, vector: Vector) -> list[str]:
    """The same, with translations of words."""
    found = _found(version, question, vector)
    return _fused(version, found.dense.tolist(), found.keyword.tolist())


def with_weights(version: OpenVersion, question: str, vector: Vector) -> list[str]:
    """The same, with the retriever's weights and constant; translations are not folded."""
    return _addresses(version, fuse(_found(version, question, vector)))


BASELINES: dict[str, Variant] = {
    "dense only": dense,
    "keyword only": keyword,
    "plain fusion": plain_fusion,
}
STEPS: dict[str, Variant] = {
    "+ language centres": with_centres,
    "+ glossary": with_glossary,
    "+ weights": with_weights,
}
"""Steps on top of plain fusion, each including those before it; folding is the last step."""


def course(folder: Path) -> Variant:
    """The nearest vectors in the index that `scripts/course_pipeline.py` wrote to `folder`.

    Raises:
        IndexNotFoundError: The folder holds no such index.
    """
    from chromadb.errors import ChromaError

    try:
        if not (folder / "chroma.sqlite3").is_file():
            raise FileNotFoundError("it contains no Chroma database")
        client = embedded_client(folder)
        collection = client.get_collection(_COURSE_COLLECTION, embedding_function=None)
    except (ChromaError, ValueError, FileNotFoundError) as error:
        raise IndexNotFoundError(
            f"{folder} cannot be used for comparison: {error}",
            expected=f"the collection {_COURSE_COLLECTION!r} from scripts/course_pipeline.py",
            action="Run: python scripts/course_pipeline.py --db FOLDER (see its --help)",
        ) from error

    def nearest(version: OpenVersion, question: str, vector: Vector) -> list[str]:  # noqa: ARG001 (all baselines are called alike)
        result = collection.query(
            query_embeddings=vector[None, :], n_results=_K, include=["metadatas"]
        )
        return [str(metadata["source"]) for metadata in (result["metadatas"] or [[]])[0]]

    return nearest


def _found(version: OpenVersion, question: str, vector: Vector) -> Candidates:
    return candidates(Passages([version]), question, vector)


def _by_cosine(version: OpenVersion, vector: Vector) -> list[int]:
    identifiers, _ = version.store.nearest(vector, _LISTED)
    return [version.keywords.row_of[identifier] for identifier in identifiers]


def _by_words(version: OpenVersion, question: str) -> Rows:
    own = concepts(question, [version.keywords], translated=False)
    scores = bm25(own, len(version.keywords))
    rows = np.flatnonzero(scores)
    return best(rows, scores[rows], _LISTED)[0]


def _fused(version: OpenVersion, *rankings: list[int]) -> list[str]:
    fused = reciprocal_rank_fusion(rankings, [1.0] * len(rankings), _PLAIN_CONSTANT)
    return _addresses(version, fused)


def _addresses(version: OpenVersion, rows: Iterable[int]) -> list[str]:
    return ["/".join(version.keywords.file(row)) for row in islice(rows, _K)]
