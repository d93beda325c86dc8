"""What a version has for searching besides its vectors; knows nothing of questions.

Written after the chunks, from all of them: the words of `keywords`, the languages'
means of `language_centres` and, up to a number, the vectors of `exact_vectors`, all in
order of address and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.index.chunk_file import read_chunks
from assistant.index.exact_vectors import MOST, write_exact_vectors
from assistant.index.language_centres import write_language_centres
from assistant.keywords import write_keyword_index
from assistant.keywords.pages import in_order

_AT_ONCE = 2000  # vectors


def write_search_files(
    version: Path,
    dimension: int,
    vectors: Callable[[Sequence[str]], Vectors],
    before: Path | None = None,
) -> None:
    """Write all of it into a version's folder.

    Args:
        version: Has its chunks already.
        dimension: Of a vector.
        vectors: Gives those of texts, (n, dimension).
        before: The version before, if there is one; what it knows is taken from there.
    """
    chunks = in_order(read_chunks(version))
    write_keyword_index(version, chunks, before)
    portions: Callable[[], Iterable[Vectors]] = partial(_portions, chunks, vectors)
    held = list(portions()) if len(chunks) <= MOST else None
    write_exact_vectors(version, held, dimension)
    if held is not None:
        portions = partial(iter, held)
    write_language_centres(version, [chunk.language for chunk in chunks], dimension, portions)


def _portions(
    chunks: Sequence[Chunk], vectors: Callable[[Sequence[str]], Vectors]
) -> Iterator[Vectors]:
    for start in range(0, len(chunks), _AT_ONCE):
        yield vectors([chunk.embedded_text for chunk in chunks[start : start + _AT_ONCE]])
