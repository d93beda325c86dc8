"""Simpler rankings, on a small index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from assistant.errors import IndexNotFoundError
from assistant.evaluation.baselines import BASELINES, STEPS, course, dense, keyword
from assistant.index import OpenVersion, open_version
from assistant.index.chroma import embedded_client
from tests.sample_index import PAGES, build_pages, sample_embedder


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenVersion]:
    folder = tmp_path_factory.mktemp("sample")
    build_pages(folder)
    with closing(open_version(folder / "db", sample_embedder())) as version:
        yield version


@pytest.mark.parametrize("name", [*BASELINES, *STEPS])
def test_each_finds_what_shares_all_its_words(version: OpenVersion, name: str) -> None:
    question = "A dataset is a JSON file of conversations"
    vector = sample_embedder().encode_queries([question])[0]
    found = {**BASELINES, **STEPS}[name](version, question, vector)
    assert found[0] == "xtuner/docs/dataset.md"
    assert set(found) <= set(PAGES)
    assert len(found) <= 10


def test_dense_follows_the_vector_and_keyword_the_words(version: OpenVersion) -> None:
    vector = sample_embedder().encode_queries(["Lagent builds agents that call tools"])[0]
    assert dense(version, "pip install", vector)[0] == "lagent/README.md"
    assert keyword(version, "pip install", vector)[0] == "lmdeploy/docs/en/install.md"


def test_keyword_only_knows_no_translations(version: OpenVersion) -> None:
    vector = sample_embedder().encode_queries(["微调"])[0]
    assert keyword(version, "微调", vector) == ["xtuner/README_zh-CN.md"]


def test_the_course_pipeline_is_asked_for_its_nearest(version: OpenVersion, tmp_path: Path) -> None:
    embedder = sample_embedder()
    collection = embedded_client(tmp_path).create_collection(
        "course", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    texts = ["apples and pears", "trains and ships"]
    collection.add(
        ids=["0", "1"],
        embeddings=embedder.encode_passages(texts),
        documents=texts,
        metadatas=[{"source": "r/fruit.md"}, {"source": "r/travel.md"}],
    )
    vector = embedder.encode_queries(["ships"])[0]
    assert course(tmp_path)(version, "ships", vector) == ["r/travel.md", "r/fruit.md"]


def test_a_folder_without_the_course_is_named_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError, match="course_pipeline"):
        course(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    embedded_client(tmp_path / "other")
    with pytest.raises(IndexNotFoundError, match="course_pipeline"):
        course(tmp_path / "other")
