"""Removes the language bias from vectors.

Multilingual encoders place texts of one language close together, so that a page in the
question's language beats the page that answers it. Subtracting each language's mean removes
most of this bias (Yang et al., "A Simple and Effective Method To Eliminate the Self Language
Bias in Multilingual Representations", EMNLP 2021). The vectors themselves are unchanged: the
means and the length of each centred vector are stored separately.
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
_SHORTEST = np.float32(1e-3)  # a vector equal to its language's mean has length 0
_FEWEST = 50  # chunks; the mean of fewer reflects their subject more than their language


class LanguageCentres:
    """The mean vector of each language, and the lengths of the centred vectors.

    Args:
        means: Language -> mean (dimension,) of its vectors.
        lengths: (n,) length of each vector after subtracting the mean of its language.
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
            languages: Language of each chunk.
            dimension: Length of a vector.
            portions: Returns the chunks' vectors in order, in parts; called twice.
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
        """Read the file that `write` wrote.

        Args:
            folder: Folder of the version.
            shape: Expected shape of the vectors, (n, dimension).

        Raises:
            IndexCorruptError: The file is missing, unreadable or for another shape.
        """
        try:
            with np.load(folder / _FILE) as content:
                means, lengths = content["centres"], content["lengths"]
                if (*lengths.shape, means.shape[1]) != shape:
                    raise ValueError(f"it is not for {shape[0]} vectors of dimension {shape[1]}")
                return cls(dict(zip(content["names"].tolist(), means, strict=True)), lengths)
        except (*UNREADABLE, BadZipFile) as error:
            raise IndexCorruptError.of(folder / _FILE, error) from error

    def write(self, folder: Path, dimension: int) -> None:
        """Write the centres, if any, and lengths to a version's folder, for `open`."""
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
        """Add the means of other collections for languages of which this one has too little.

        Cosines from several collections are comparable only if a language's mean is
        subtracted in all of them or in none.

        Args:
            others: Centres of other collections; the first with a mean provides it.
            languages: Language of each chunk in this collection.
            vectors_of: Returns this collection's vectors by rows.
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
        """Subtract the mean of a question's language from its vector; not normalised."""
        centre = self._means.get(language)
        return vector if centre is None else vector - centre

    def cosines(
        self,
        question: NDArray[np.float32],
        rows: NDArray[np.int64],
        languages: Sequence[str],
        products: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Cosines between a question and passages, both centred by their language.

        Args:
            question: (dimension,) result of `centre`.
            rows: (n,) rows of the passages.
            languages: Language of each passage.
            products: (n,) inner products of `question` with the uncentred passage vectors.

        Returns:
            (n,) float32.
        """
        offset = {name: float(question @ centre) for name, centre in self._means.items()}
        offsets = np.array([offset.get(name, 0.0) for name in languages], dtype=np.float32)
        length = float(np.linalg.norm(question)) or 1.0
        return np.asarray((products - offsets) / (self._lengths[rows] * length), dtype=np.float32)
