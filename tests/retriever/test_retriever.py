"""The retriever over a real small index, with hashed words instead of a model."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from langchain_tests.integration_tests import RetrieversIntegrationTests

from assistant.documents import SearchFilters, SearchHit
from assistant.errors import IndexCorruptError
from assistant.index import LiveIndex
from assistant.keywords.words import words
from assistant.retriever import KnowledgeRetriever
from assistant.retriever.retriever import as_document
from tests.sample_index import PAGES, build_pages, open_sample, sample_embedder

QUESTION = "how to quantize the kv cache online"
KV_EN = "lmdeploy/docs/en/quantization/kv_quant.md"
KV_ZH = "lmdeploy/docs/zh_cn/quantization/kv_quant.md"


class TestStandard(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _sample(self, sample: LiveIndex) -> None:
        self.sample = sample

    @property
    def retriever_constructor(self) -> type[KnowledgeRetriever]:
        return KnowledgeRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"index": self.sample, "embedder": sample_embedder()}

    @property
    def retriever_query_example(self) -> str:
        return QUESTION


def addresses(hits: list[SearchHit]) -> list[str]:
    return [hit.chunk.address for hit in hits]


@pytest.mark.parametrize(
    ("question", "address"),
    [
        (QUESTION, KV_EN),
        ("怎么在线量化 kv cache", KV_ZH),
        ("QLoRA 微调模型", "xtuner/README_zh-CN.md"),
        ("finetune with QLoRA", "xtuner/README.md"),
        ("CACHE_MAX_ENTRY_COUNT", "lmdeploy/docs/en/serving.md"),
        ("agents and tools", "lagent/README.md"),
        ("安装", "lmdeploy/docs/en/install.md"),  # only there in English
        ("数据集的格式", "xtuner/docs/dataset.md"),
        ("XTuner finetunes models 吗", "xtuner/README_zh-CN.md"),  # English words, yet Chinese
        ("the cause of common problems 端口被占用", "lmdeploy/docs/zh_cn/faq.md"),
    ],
)
def test_the_right_page_comes_first_in_the_language_of_the_question(
    finder: KnowledgeRetriever, question: str, address: str
) -> None:
    assert addresses(finder.retrieve(question))[0] == address


def test_ranks_scores_and_the_number_of_hits(finder: KnowledgeRetriever) -> None:
    hits = finder.retrieve(QUESTION, k=4)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] < scores[0] <= 1
    assert len(finder.retrieve(QUESTION, k=1)) == 1
    assert finder.retrieve(QUESTION, k=2) == hits[:2]


def test_a_hit_that_is_first_on_both_sides_scores_one(finder: KnowledgeRetriever) -> None:
    assert finder.retrieve("微调模型 QLoRA")[0].score == pytest.approx(1)


def test_hits_are_different_things(finder: KnowledgeRetriever) -> None:
    for question in (QUESTION, "怎么量化 kv cache 显存", "QLoRA XTuner"):
        hits = finder.retrieve(question, k=50)
        found = addresses(hits)
        assert not {KV_EN, KV_ZH} <= set(found)
        assert not {"xtuner/README.md", "xtuner/README_zh-CN.md"} <= set(found)
        assert max(map(found.count, found)) <= 2
        texts = [set(words(hit.chunk.text)) for hit in hits]
        assert all(len(a & b) < 0.8 * len(a | b) for a, b in combinations(texts, 2))


def test_pages_that_repeat_others_are_shown_once(tmp_path: Path) -> None:
    copies = {f"lmdeploy/copy{n}.md": PAGES["lagent/README.md"] for n in range(5)}
    build_pages(tmp_path, PAGES | copies)
    index = open_sample(tmp_path)
    found = addresses(KnowledgeRetriever(index=index, embedder=sample_embedder()).retrieve("tools"))
    assert len([a for a in found if "copy" in a or "lagent" in a]) == 1
    assert len(found) == 7
    index.close()


@pytest.fixture(scope="module")
def long_sections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sections that do not fit into one chunk: one of two chunks, one of many."""
    paragraphs = [
        f"The walrus number {n} eats fish, swims far and sleeps on ice floes." for n in range(20)
    ]
    pages = {
        "zoo/short.md": "# Walrus\n\n" + "\n\n".join(paragraphs[:4]) + "\n",
        "zoo/long.md": "# Many\n\n" + "\n\n".join(paragraphs[4:]) + "\n",
    }
    folder = tmp_path_factory.mktemp("long")
    build_pages(folder, pages)
    return folder


def test_a_broken_section_is_shown_whole_at_its_lines(long_sections: Path) -> None:
    index = open_sample(long_sections)
    hits = KnowledgeRetriever(index=index, embedder=sample_embedder()).retrieve("walrus")
    (short,) = [hit.chunk for hit in hits if hit.chunk.path == "short.md"]
    lines = (long_sections / "pages/zoo/short.md").read_text(encoding="utf-8").splitlines()
    assert (short.start_line, short.end_line) == (1, len(lines))
    assert [line for line in short.text.splitlines() if line] == [line for line in lines if line]
    assert short.url.endswith(f"short.md#L1-L{len(lines)}")
    long = [hit.chunk for hit in hits if hit.chunk.path == "long.md"]
    assert len(long) > 2  # as there is nothing else
    assert all(chunk.end_line - chunk.start_line < 10 for chunk in long)
    index.close()


@pytest.mark.parametrize(
    ("filters", "allowed"),
    [
        (SearchFilters(sources=("xtuner", "lagent")), ("xtuner/", "lagent/")),
        (SearchFilters(languages=("zh",)), (KV_ZH, "lmdeploy/docs/zh_cn/", "xtuner/README_zh")),
        (SearchFilters(paths=("docs/en/**/*.md",)), ("lmdeploy/docs/en/",)),
        (SearchFilters(sources=("lmdeploy",), languages=("en",)), ("lmdeploy/docs/en/",)),
    ],
)
def test_filters_hold_for_words_and_vectors(
    finder: KnowledgeRetriever, filters: SearchFilters, allowed: tuple[str, ...]
) -> None:
    found = addresses(finder.retrieve(QUESTION, filters=filters))
    assert len(found) >= 2
    assert all(address.startswith(allowed) for address in found)
    through_langchain = finder.invoke(QUESTION, filters=filters)
    assert [document.metadata["source"] for document in through_langchain] == found


def test_a_filtered_search_shows_the_translation_that_passes(finder: KnowledgeRetriever) -> None:
    only = finder.retrieve(QUESTION, filters=SearchFilters(languages=("zh",)))
    assert only[0].chunk.address == KV_ZH


def test_a_document_tells_everything_about_a_hit(finder: KnowledgeRetriever) -> None:
    (hit,) = finder.retrieve("CACHE_MAX_ENTRY_COUNT", k=1)
    document = as_document(hit)
    assert (document.id, document.page_content) == (hit.chunk.id, hit.chunk.text)
    assert document.metadata == {
        "source": "lmdeploy/docs/en/serving.md",
        "heading": ["Serving"],
        "start_line": 1,
        "end_line": 5,
        "commit": "",
        "url": "https://example.org/blob/main/docs/en/serving.md#L1-L5",
        "language": "en",
        "score": hit.score,
        "rank": 1,
    }


def test_the_same_question_has_the_same_hits_in_every_thread(finder: KnowledgeRetriever) -> None:
    with ThreadPoolExecutor(4) as together:
        results = list(together.map(finder.retrieve, [QUESTION] * 12))
    assert all(result == results[0] for result in results)


def test_a_new_build_is_picked_up_whole(tmp_path: Path) -> None:
    build_pages(tmp_path)
    now = [0.0]
    index = LiveIndex(tmp_path / "db", sample_embedder(), clock=lambda: now[0])
    finder = KnowledgeRetriever(index=index, embedder=sample_embedder())
    question = "narwhal"
    assert finder.search(question).evidence.unknown_names > 0
    text = "# Narwhal\n\nA narwhal has a tusk.\n"
    build_pages(tmp_path, PAGES | {"xtuner/narwhal.md": text})
    assert "xtuner/narwhal.md" not in addresses(finder.retrieve(question))
    now[0] = 2.0
    found = finder.search(question)
    assert found.version == (tmp_path / "db" / "current").read_text("utf-8").split()[0]
    assert found.hits[0].chunk.address == "xtuner/narwhal.md"
    assert found.hits[0].score == pytest.approx(1)  # first by words and by vector
    assert found.evidence.unknown_names == 0
    index.close()


def test_an_index_without_keywords_says_what_to_do(sample_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_folder / "db", tmp_path / "db")
    for folder in (tmp_path / "db" / "versions").glob("*/keywords"):
        shutil.rmtree(folder)
    with pytest.raises(IndexCorruptError, match=r"build_index\.py --rebuild"):
        open_sample(tmp_path)


def test_an_empty_knowledge_base_has_no_hits(tmp_path: Path) -> None:
    (tmp_path / "pages" / "empty").mkdir(parents=True)
    build_pages(tmp_path, {"empty/nothing.md": ""})
    index = open_sample(tmp_path)
    finder = KnowledgeRetriever(index=index, embedder=sample_embedder())
    assert finder.retrieve(QUESTION) == []
    index.close()
