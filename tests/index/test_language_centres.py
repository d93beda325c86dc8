"""Vectors without what they say of their language, alone and through a real index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from assistant.embeddings.base import Vectors
from assistant.errors import IndexCorruptError
from assistant.index import open_version
from assistant.index.language_centres import LanguageCentres
from assistant.language import language_of
from assistant.retriever.candidates import candidates
from assistant.retriever.passages import Passages
from tests.fakes import HashEmbedder
from tests.sample_index import build_pages

MANY = 60  # chunks of a language
TOPICS = 16


def make_vectors(languages: Sequence[str]) -> Vectors:
    """Chunk n is about topic n modulo 16, and far more about its language."""
    vectors = np.zeros((len(languages), TOPICS + 2), dtype=np.float32)
    for row, language in enumerate(languages):
        vectors[row, row % TOPICS] = 1
        vectors[row, -1 if language == "zh" else -2] = 3
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def write(folder: Path, languages: Sequence[str], vectors: Vectors) -> LanguageCentres:
    def portions() -> Iterable[Vectors]:
        return (vectors[start : start + 7] for start in range(0, len(vectors), 7))

    LanguageCentres.of(languages, vectors.shape[1], portions).write(folder, vectors.shape[1])
    return LanguageCentres.open(folder, (len(vectors), vectors.shape[1]))


def cosines(
    centres: LanguageCentres, languages: Sequence[str], vectors: Vectors, row: int
) -> Vectors:
    """Of the chunks with a question that has the vector of one of them."""
    question = centres.centre(vectors[row], languages[row])
    rows = np.arange(len(vectors))
    return centres.cosines(question, rows, languages, vectors @ question)


def test_the_topic_decides_and_no_longer_the_language(tmp_path: Path) -> None:
    languages = ["zh"] * MANY + ["en"] * MANY
    vectors = make_vectors(languages)
    row = MANY + 3
    of_topic = {n for n in range(2 * MANY) if n % TOPICS == row % TOPICS}
    plain = np.argsort(-(vectors @ vectors[row]))[:MANY]
    assert all(languages[n] == "en" for n in plain)
    centred = cosines(write(tmp_path, languages, vectors), languages, vectors, row)
    assert set(np.argsort(-centred)[: len(of_topic)].tolist()) == of_topic


def test_cosines_are_those_of_vectors_without_the_means(tmp_path: Path) -> None:
    languages = (["zh", "en"] * MANY)[: 2 * MANY]
    random = np.random.default_rng(0)
    vectors = random.normal(size=(2 * MANY, 8)).astype(np.float32)
    vectors += np.where(np.array(languages) == "zh", 2, -2)[:, None].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    means = {name: vectors[np.array(languages) == name].mean(axis=0) for name in ("zh", "en")}
    without = vectors - np.array([means[name] for name in languages])
    without /= np.linalg.norm(without, axis=1, keepdims=True)
    found = cosines(write(tmp_path, languages, vectors), languages, vectors, 5)
    np.testing.assert_allclose(found, without @ without[5], atol=1e-5)


def test_the_mean_of_a_few_chunks_is_not_taken_for_their_language(tmp_path: Path) -> None:
    languages = ["zh"] * 5 + ["en"] * MANY
    vectors = make_vectors(languages)
    centres = write(tmp_path, languages, vectors)
    np.testing.assert_array_equal(centres.centre(vectors[0], "zh"), vectors[0])
    assert np.linalg.norm(centres.centre(vectors[-1], "en")) < 0.5


def test_equal_vectors_and_no_vectors_give_numbers(tmp_path: Path) -> None:
    languages = ["en"] * MANY
    vectors = np.full((MANY, 4), 0.5, dtype=np.float32)
    centres = write(tmp_path, languages, vectors)
    assert np.isfinite(cosines(centres, languages, vectors, 0)).all()
    nothing = np.zeros((0, 4), dtype=np.float32)
    assert not len(
        write(tmp_path, [], nothing).cosines(vectors[0], np.arange(0), [], nothing @ vectors[0])
    )


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04half", b"garbage"])
def test_a_damaged_file_is_an_error_with_the_command_to_type(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        write(tmp_path, ["en"], np.ones((1, 4), dtype=np.float32))
        (file,) = tmp_path.iterdir()
        file.write_bytes(content)
    with pytest.raises(IndexCorruptError, match=r"build_index\.py --rebuild"):
        LanguageCentres.open(tmp_path, (1, 4))


def test_a_file_with_any_bit_turned_over_is_read_or_refused(tmp_path: Path) -> None:
    write(tmp_path, ["en"] * MANY, make_vectors(["en"] * MANY))
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    for place in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(damaged)
        with suppress(IndexCorruptError):
            LanguageCentres.open(tmp_path, (MANY, TOPICS + 2))


class BiasedEmbedder(HashEmbedder):
    """Hashed words, and above all the language of the text, as multilingual encoders do."""

    def _encode_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        for places, vectors in super()._encode_batches(texts):
            vectors[:, 0 if language_of(texts[places[0]]) == "zh" else 1] += 4
            yield places, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_passage_in_the_other_language_comes_first_if_only_it_is_about_the_question(
    tmp_path: Path,
) -> None:
    fruits = ["苹果", "香蕉", "葡萄", "西瓜", "橘子", "樱桃", "芒果", "草莓"]
    pages = {
        f"a/docs/zh_cn/{n}.md": f"# 第{n}页\n\n介绍{fruits[n % 8]}和{fruits[n * 3 % 8]}的种法。\n"
        for n in range(MANY)
    } | {
        f"a/docs/en/{n}.md": f"# Page {n}\n\nHow to grow {n} trees and keep them.\n"
        for n in range(MANY)
    }
    pages["a/docs/en/target.md"] = "# Zeta\n\nzeta eta theta zeta\n"
    embedder = BiasedEmbedder(dimension=256)
    build_pages(tmp_path, pages, embedder)
    opened = open_version(tmp_path / "db", embedder)
    question = "怎么设置 zeta eta theta"
    vector = embedder.encode_queries([question])[0]
    plain, _ = opened.store.nearest(vector, 1)
    assert "zh_cn" in opened.keywords.file(opened.keywords.row_of[plain[0]])[1]
    first = candidates(Passages([opened]), question, vector).dense[0]
    assert opened.keywords.file(int(first)) == ("a", "docs/en/target.md")
    opened.close()
