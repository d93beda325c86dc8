"""Several collections searched as one: they find what one index of everything finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.documents import Chunk, SearchFilters
from assistant.errors import FilterError, IndexCorruptError
from assistant.index import Collection, LiveIndex
from assistant.retriever import KnowledgeRetriever
from assistant.retriever.candidates import candidates
from assistant.retriever.passages import Passages
from assistant.retriever.retriever import Found
from tests.builders import make_chunk
from tests.sample_index import PAGES, build_pages, open_sample, sample_embedder

QUESTIONS = [
    "how to quantize the kv cache online",
    "怎么在线量化 kv cache",
    "QLoRA 微调模型",
    "finetune with QLoRA on one GPU",
    "agents and tools",
    "a dataset of conversations",
    "端口被占用",
    "gpu memory",
    "zebras and unicorns",
]
ON_DISK = "lmdeploy"


def in_memory(name: str, chunks: list[Chunk]) -> Collection:
    vectors = sample_embedder().encode_passages([chunk.embedded_text for chunk in chunks])
    return Collection.in_memory(name, chunks, vectors)


@pytest.fixture(scope="module")
def rest(sample: LiveIndex) -> Collection:
    """What the sample index has of all sources but one, in memory."""
    with sample.current() as version:
        ids = [
            identifier
            for row, identifier in enumerate(version.keywords.ids)
            if version.keywords.file(row)[0] != ON_DISK
        ]
        chunks = list(version.store.get(ids).values())
    return in_memory("rest", chunks)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveIndex]:
    """An index of the one source that is left."""
    folder = tmp_path_factory.mktemp("split")
    build_pages(folder, {a: text for a, text in PAGES.items() if a.startswith(ON_DISK)})
    with closing(open_sample(folder)) as index:
        yield index


@pytest.fixture(scope="module")
def split(disk: LiveIndex, rest: Collection) -> KnowledgeRetriever:
    return KnowledgeRetriever(index=disk, also=(rest,), embedder=sample_embedder())


def shown(found: Found) -> list[Chunk]:
    return [hit.chunk for hit in found.hits]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_split_index_finds_what_the_whole_one_finds(
    finder: KnowledgeRetriever, split: KnowledgeRetriever, question: str
) -> None:
    whole, parts = finder.search(question), split.search(question)
    assert shown(parts)[:3] == shown(whole)[:3]
    assert {chunk.id for chunk in shown(parts)} == {chunk.id for chunk in shown(whole)}
    assert parts.hits[0].score == pytest.approx(whole.hits[0].score)
    for name in ("similarity", "coverage", "agreement", "unknown_names", "missing_name", "length"):
        expected = getattr(whole.evidence, name)
        assert getattr(parts.evidence, name) == pytest.approx(expected, rel=0.02, abs=1e-6), name


def test_the_version_names_all_that_was_searched(
    finder: KnowledgeRetriever, split: KnowledgeRetriever, disk: LiveIndex, sample: LiveIndex
) -> None:
    with disk.current() as version, sample.current() as whole:
        assert split.search("kv cache").version == f"{version.name}+rest"
        assert split.search("kv cache").manifest == version.manifest
        assert finder.search("kv cache").version == whole.name


def test_filters_apply_to_each_collection(split: KnowledgeRetriever) -> None:
    only = split.search("QLoRA kv cache", filters=SearchFilters(sources=("xtuner",)))
    assert {chunk.source for chunk in shown(only)} == {"xtuner"}
    both = split.search("QLoRA kv cache", filters=SearchFilters(sources=("xtuner", ON_DISK)))
    assert {chunk.source for chunk in shown(both)} == {"xtuner", ON_DISK}
    chinese = split.search("QLoRA kv cache", filters=SearchFilters(languages=("zh",)))
    assert {chunk.source for chunk in shown(chinese)} == {"xtuner", ON_DISK}
    assert {chunk.language for chunk in shown(chinese)} == {"zh"}


def test_a_source_that_no_collection_has_is_refused(split: KnowledgeRetriever) -> None:
    with pytest.raises(FilterError, match=r"nowhere.*lmdeploy, lagent, xtuner"):
        split.search("kv cache", filters=SearchFilters(sources=("xtuner", "nowhere")))


def test_equal_ids_and_files_in_two_collections_are_two_things(disk: LiveIndex) -> None:
    with disk.current() as version:
        (first, *_) = version.store.get(version.keywords.ids[:1]).values()
    mine = make_chunk(
        id=first.id,
        source=first.source,
        path=first.path,
        text="The narwhal of the upload has a tusk.",
    )
    retriever = KnowledgeRetriever(
        index=disk, also=(in_memory("upload", [mine]),), embedder=sample_embedder()
    )
    assert shown(retriever.search("narwhal tusk"))[0] == mine
    assert first.text in [chunk.text for chunk in shown(retriever.search(first.text))]


def test_a_collection_in_memory_may_be_empty(disk: LiveIndex) -> None:
    nothing = Collection.in_memory("nothing", [], np.zeros((0, 512), dtype=np.float32))
    embedder = sample_embedder()
    alone = KnowledgeRetriever(index=disk, embedder=embedder)
    with_nothing = KnowledgeRetriever(index=disk, also=(nothing,), embedder=embedder)
    for question in QUESTIONS:
        one, other = alone.search(question), with_nothing.search(question)
        assert (one.hits, one.evidence) == (other.hits, other.evidence)


def test_passages_in_memory_are_those_of_the_version_that_a_build_wrote(sample: LiveIndex) -> None:
    with sample.current() as version:
        chunks = version.store.get(version.keywords.ids)
        copy = in_memory("copy", [chunks[each] for each in reversed(version.keywords.ids)])
        assert copy.keywords.ids == version.keywords.ids
        for word in ("kv", "量化", "qlora", "nothing"):
            for ours, theirs in zip(
                copy.keywords.postings(word), version.keywords.postings(word), strict=True
            ):
                np.testing.assert_array_equal(ours, theirs)
            assert [*map(tuple, copy.keywords.translations(word))] == [
                *map(tuple, version.keywords.translations(word))
            ]
        for row in range(len(copy.keywords)):
            assert copy.keywords.position(row) == version.keywords.position(row)
            assert copy.keywords.section(row) == version.keywords.section(row)
        rows = np.arange(len(copy.keywords))
        np.testing.assert_allclose(copy.vectors.of(rows), version.vectors.of(rows), atol=1e-6)
        assert set(copy.sources) == set(version.sources)


def test_a_passage_without_its_text_is_an_error(disk: LiveIndex, rest: Collection) -> None:
    nothing = Collection.in_memory("nothing", [], np.zeros((0, 512), dtype=np.float32))
    broken = replace(rest, store=nothing.store)
    retriever = KnowledgeRetriever(index=disk, also=(broken,), embedder=sample_embedder())
    with pytest.raises(IndexCorruptError, match="the index rest cannot be read"):
        retriever.search("finetune with QLoRA")


class Recording:
    """Lends a collection and says when."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.lent = 0
        self.ended = 0

    @contextmanager
    def current(self) -> Iterator[Collection]:
        self.lent += 1
        try:
            yield self.collection
        finally:
            self.ended += 1


def test_each_search_leases_every_collection_once(disk: LiveIndex, rest: Collection) -> None:
    lender = Recording(rest)
    retriever = KnowledgeRetriever(index=disk, also=(lender,), embedder=sample_embedder())
    retriever.search("kv cache")
    assert (lender.lent, lender.ended) == (1, 1)
    with pytest.raises(FilterError):
        retriever.search("kv cache", filters=SearchFilters(sources=("nowhere",)))
    assert (lender.lent, lender.ended) == (2, 2)


def test_languages_of_a_small_collection_are_taken_out_of_it_too(tmp_path: Path) -> None:
    """Otherwise a few passages would come first for nothing but being in the question's."""
    words = ["apple", "banana", "grape", "melon", "orange", "cherry", "mango", "berry"]
    pages = {
        f"zoo/{n}.md": f"# Page {n}\n\nHow to grow {words[n % 8]} and {words[n * 3 % 8]} trees.\n"
        for n in range(60)
    }
    embedder = sample_embedder()
    build_pages(tmp_path, pages, embedder)
    question = "grow trees"
    vector = embedder.encode_queries([question])[0]
    small = in_memory("small", [make_chunk(id="x", source="mine", text="How to grow bees.")])
    with closing(open_sample(tmp_path)) as index, index.current() as version:
        of_version = version.vectors.of(np.arange(len(version.keywords)))
        found = candidates(Passages([version, small]), question, vector)
    mean = of_version.mean(axis=0)
    centred, passage = vector - mean, small.vectors.of(np.array([0]))[0] - mean
    expected = centred @ passage / np.linalg.norm(centred) / np.linalg.norm(passage)
    (score,) = found.dense_scores[found.dense == len(of_version)]
    assert score == pytest.approx(expected, abs=1e-4)
