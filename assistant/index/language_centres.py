"""Takes out of vectors what they say of their language.

Multilingual encoders place texts of one language near each other, so that a page in the
question's language beats the page that answers it. Subtracting each language's mean
takes most of that away (Yang et al., "A Simple and Effective Method To Eliminate the Self
Language Bias in Multilingual Representations", EMNLP 2021). The vectors themselves are not
changed: the means and the length of each centred vector are kept beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from assistant.embeddings.base import Vectors
from assistant.errors import UNREADABLE, IndexCorruptError

_FILE = "language_centres.npz"
_SHORTEST = np.float32(1e-3)  # nothing is left of a vector that is its language's mean
_FEWEST = 50  # chunks; the mean of fewer says more of their subject than of their language


def write_language_centres(
    folder: Path,
    languages: Sequence[str],
    dimension: int,
    portions: Callable[[], Iterable[Vectors]],
) -> None:
    """Write what `LanguageCentres.of` computes into the folder of a version."""
    LanguageCentres.of(languages, dimension, portions).write(folder, dimension)


class LanguageCentres:
    """The means of a collection's languages, and what is left of its vectors without them.

    Args:
        means: Language -> mean (dimension,) of its vectors.
        lengths: (n,) length of each vector without the mean of its language.
    """

    def __init__(
        self, means: Mapping[str, NDArray[np.float32]], lengths: NDArray[np.float32]
    ) -> None:
        self._means = dict(means)
        self._lengths = lengths

    @classmethod
    def of(
        cls, languages: Sequence[str], dimension: int, portions: Callable[[], Iterable[Vectors]]
    ) -> LanguageCentres:
        """Compute means and lengths.

        Args:
            languages: Of the chunks.
            dimension: Of the vectors.
            portions: Gives the chunks' vectors in their order, some at a time; called twice.
        """
        counts = Counter(languages)
        names = sorted(name for name, count in counts.items() if count >= _FEWEST)
        number_of = {name: number for number, name in enumerate(names)}
        # Chunks of other languages take the last row, which becomes zero.
        rows = np.array([number_of.get(name, len(names)) for name in languages], dtype=np.int64)
        means = np.zeros((len(names) + 1, dimension), dtype=np.float64)
        done = 0
        for part in portions():
            own = rows[done : done + len(part)]
            for number in np.unique(own):
                means[number] += part[own == number].sum(axis=0, dtype=np.float64)
            done += len(part)
        means /= np.array([*(counts[name] for name in names), np.inf])[:, None]
        lengths = np.zeros(len(rows), dtype=np.float32)
        done = 0
        for part in portions():
            lengths[done : done + len(part)] = np.linalg.norm(
                part - means[rows[done : done + len(part)]], axis=1
            )
            done += len(part)
        kept = dict(zip(names, means.astype(np.float32), strict=False))
        return cls(kept, np.maximum(lengths, _SHORTEST))

    @classmethod
    def open(cls, folder: Path, shape: tuple[int, int]) -> LanguageCentres:
        """Read what `write` wrote for vectors of a shape, (n, dimension).

        Raises:
            IndexCorruptError: It is missing, cannot be read or is of another shape.
        """
        try:
            with np.load(folder / _FILE) as content:
                means, lengths = content["centres"], content["lengths"]
                if (*lengths.shape, means.shape[1]) != shape:
                    raise ValueError(f"it is not of {shape[0]} vectors of {shape[1]} numbers")
                return cls(dict(zip(content["names"].tolist(), means, strict=True)), lengths)
        except (*UNREADABLE, BadZipFile) as error:
            raise IndexCorruptError.of(folder / _FILE, error) from error

    def write(self, folder: Path, dimension: int) -> None:
        """Write what `open` reads into the folder of a version; there may be no mean."""
        means = np.array(list(self._means.values()), dtype=np.float32)
        np.savez(
            folder / _FILE,
            names=np.array(list(self._means), dtype=np.str_),
            centres=means.reshape(len(self._means), dimension),
            lengths=self._lengths,
        )

    def completed(
        self,
        others: Iterable[LanguageCentres],
        languages: Sequence[str],
        vectors_of: Callable[[NDArray[np.int64]], Vectors],
    ) -> LanguageCentres:
        """The same collection, with the means of others for languages that it has little of.

        Cosines of several collections can be compared only where all are without the mean
        of a language or none is.

        Args:
            others: The first that has a mean gives it.
            languages: Of this collection's chunks.
            vectors_of: Gives this collection's vectors by rows.
        """
        means = dict(self._means)
        for other in others:
            means = {**other._means, **means}  # noqa: SLF001 (its own class)
        borrowed = means.keys() - self._means.keys()
        rows = [row for row, name in enumerate(languages) if name in borrowed]
        if not rows:
            return LanguageCentres(means, self._lengths)
        lengths = self._lengths.copy()
        of_languages = np.stack([means[languages[row]] for row in rows])
        centred = vectors_of(np.array(rows, dtype=np.int64)) - of_languages
        lengths[rows] = np.maximum(np.linalg.norm(centred, axis=1), _SHORTEST)
        return LanguageCentres(means, lengths)

    def centre(self, vector: NDArray[np.float32], language: str) -> NDArray[np.float32]:
        """A question's vector without the mean of its language; not normalised."""
        centre = self._means.get(language)
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
        offset = {name: float(question @ centre) for name, centre in self._means.items()}
        offsets = np.array([offset.get(name, 0.0) for name in languages], dtype=np.float32)
        length = float(np.linalg.norm(question)) or 1.0
        return np.asarray((products - offsets) / (self._lengths[rows] * length), dtype=np.float32)
