"""One small index for all tests of the retriever that do not change it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.index import LiveIndex
from assistant.retriever import KnowledgeRetriever
from tests.sample_index import build_pages, open_sample, sample_embedder


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    build_pages(folder)
    return folder


@pytest.fixture(scope="session")
def sample(sample_folder: Path) -> Iterator[LiveIndex]:
    index = open_sample(sample_folder)
    yield index
    index.close()


@pytest.fixture(scope="session")
def finder(sample: LiveIndex) -> KnowledgeRetriever:
    return KnowledgeRetriever(index=sample, embedder=sample_embedder())
