"""Takes out of vectors what they say of their language; knows nothing of Chroma.

Multilingual encoders place texts of one language near each other, so that a page in the
question's language beats the page that answers it. Subtracting each language's mean
takes most of that away (Yang et al., "A Simple and Effective Method To Eliminate the Self
Language Bias in Multilingual Representations", EMNLP 2021). The vectors in Chroma stay
as they are: only the means and each centred vector's length are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from assistant.embeddings.base import Vectors
from assistant.errors import IndexCorruptError
from assistant.index.manifest import REBUILD

_FILE = "language_centres.npz"
_SHORTEST = np.float32(1e-3)  # nothing is left of a vector that is its language's mean
_FEWEST = 50  # chunks; the mean of fewer says more of their subject than of their language


def write_language_centres(
    folder: Path,
    languages: Sequence[str],
    dimension: int,
    portions: Callable[[], Iterable[Vectors]],
) -> None:
    """Write the means of the languages, and the length of each vector without its mean.

    Args:
        folder: Of the version.
        languages: Of the chunks.
        dimension: Of the vectors.
        portions: Gives the chunks' vectors in their order, some at a time; called twice.
    """
    counts = Counter(languages)
    names = sorted(name for name, count in counts.items() if count >= _FEWEST)
    place_of = {name: place for place, name in enumerate(names)}
    # Chunks of other languages take the last row, which becomes zero.
    rows = np.array([place_of.get(name, len(names)) for name in languages], dtype=np.int64)
    centres = np.zeros((len(names) + 1, dimension), dtype=np.float64)
    done = 0
    for part in portions():
        own = rows[done : done + len(part)]
        for number in np.unique(own):
            centres[number] += part[own == number].sum(axis=0, dtype=np.float64)
        done += len(part)
    centres /= np.array([*(counts[name] for name in names), np.inf])[:, None]
    lengths = np.zeros(len(rows), dtype=np.float32)
    done = 0
    for part in portions():
        lengths[done : done + len(part)] = np.linalg.norm(
            part - centres[rows[done : done + len(part)]], axis=1
        )
        done += len(part)
    np.savez(
        folder / _FILE,
        names=np.array(names, dtype=np.str_),
        centres=centres[:-1].astype(np.float32),
        lengths=np.maximum(lengths, _SHORTEST),
    )


class LanguageCentres:
    """The means of one version of the index, and what is left of its vectors without them."""

    def __init__(self, folder: Path) -> None:
        """Read what `write_language_centres` wrote into `folder`.

        Raises:
            IndexCorruptError: It is missing or cannot be read.
        """
        try:
            with np.load(folder / _FILE) as content:
                self._centres: dict[str, NDArray[np.float32]] = dict(
                    zip(content["names"].tolist(), content["centres"], strict=True)
                )
                self._lengths: NDArray[np.float32] = content["lengths"]
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise IndexCorruptError(
                f"{folder / _FILE} cannot be read: {error}",
                expected="the file that a finished build wrote",
                action=f"{REBUILD} --rebuild",
            ) from error

    def centre(self, vector: NDArray[np.float32], language: str) -> NDArray[np.float32]:
        """A question's vector without the mean of its language; not normalised."""
        centre = self._centres.get(language)
        return vector if centre is None else vector - centre

    def cosines(
        self,
        question: NDArray[np.float32],
        rows: NDArray[np.int64],
        languages: Sequence[str],
        products: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """(n,) cosines between the question and passages, both without their languages' means.

        Args:
            question: From `centre`.
            rows: Of the passages, in the order they were written in.
            languages: Of the passages.
            products: Inner products of `question` with the passages' whole vectors.
        """
        offset = {name: float(question @ centre) for name, centre in self._centres.items()}
        offsets = np.array([offset.get(name, 0.0) for name in languages], dtype=np.float32)
        length = float(np.linalg.norm(question)) or 1.0
        return np.asarray((products - offsets) / (self._lengths[rows] * length), dtype=np.float32)
