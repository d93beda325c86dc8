"""A cross-encoder that sorts hits again: a real one of two tiny random layers, and a fake."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from assistant.documents import Chunk
from assistant.errors import ModelNotFoundError
from assistant.index import LiveIndex
from assistant.retriever import KnowledgeRetriever
from assistant.retriever.reranking import CrossEncoderReranker, Reranker
from tests.builders import make_chunk
from tests.sample_index import PAGES, sample_embedder

QUESTION = "how to quantize the kv cache online"


def make_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """A tiny random BERT with a vocabulary of the sample's characters."""
    characters = sorted({character for text in PAGES.values() for character in text.lower()})
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    tokens += [f"##{character}" for character in characters]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(t for t in tokens if t.strip()), encoding="utf-8")
    config = BertConfig(  # type: ignore[call-arg]  # num_labels is an option of its base
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=labels,
        initializer_range=1.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> CrossEncoderReranker:
    return CrossEncoderReranker(make_cross_encoder(tmp_path_factory.mktemp("cross-encoder")))


class ByLength:
    """Prefers short passages, and records what it was asked."""

    def __init__(self) -> None:
        self.read: list[tuple[str, int]] = []

    def scores(self, question: str, chunks: Sequence[Chunk]) -> list[float]:
        self.read.append((question, len(chunks)))
        return [-float(len(chunk.text)) for chunk in chunks]


def test_a_cross_encoder_gives_one_score_for_each_passage(
    cross_encoder: CrossEncoderReranker,
) -> None:
    chunks = [make_chunk(text=text) for text in PAGES.values()]
    scores = cross_encoder.scores(QUESTION, chunks)
    assert len(scores) == len(chunks)
    assert len(set(scores)) > 1
    assert scores == pytest.approx(
        [cross_encoder.scores(QUESTION, [c])[0] for c in chunks], abs=1e-4
    )
    assert cross_encoder.scores(QUESTION, []) == []
    assert isinstance(cross_encoder, Reranker)


def test_hits_stand_in_the_order_of_a_real_cross_encoder(
    sample: LiveIndex, finder: KnowledgeRetriever, cross_encoder: CrossEncoderReranker
) -> None:
    reranked = KnowledgeRetriever(
        index=sample, embedder=sample_embedder(), reranker=cross_encoder
    ).retrieve(QUESTION)
    plain = finder.retrieve(QUESTION)
    assert {hit.chunk for hit in reranked} == {hit.chunk for hit in plain}
    scores = cross_encoder.scores(QUESTION, [hit.chunk for hit in reranked])
    assert [hit.score for hit in reranked] == pytest.approx(scores, abs=1e-4)
    assert all(one.score >= other.score for one, other in pairwise(reranked))
    assert [hit.rank for hit in reranked] == list(range(1, len(plain) + 1))


def test_it_reads_more_than_is_shown_and_decides_what_is_shown(
    sample: LiveIndex, finder: KnowledgeRetriever
) -> None:
    reranker = ByLength()
    reranking = KnowledgeRetriever(index=sample, embedder=sample_embedder(), reranker=reranker)
    every = finder.retrieve(QUESTION, k=20)
    hits = reranking.retrieve(QUESTION, k=2)
    assert reranker.read == [(QUESTION, len(every))]
    shortest = sorted((hit.chunk for hit in every), key=lambda chunk: len(chunk.text))
    assert [hit.chunk for hit in hits] == shortest[:2]
    assert reranking.search(QUESTION).evidence == finder.search(QUESTION).evidence


def test_there_is_none_unless_it_is_set(finder: KnowledgeRetriever) -> None:
    assert finder.reranker is None


def test_a_model_with_several_scores_is_refused(tmp_path: Path) -> None:
    folder = make_cross_encoder(tmp_path / "three", labels=3)
    with pytest.raises(ModelNotFoundError, match=r"3 scores.*ASSISTANT_RERANKER"):
        CrossEncoderReranker(folder)


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_without_a_model_is_an_error_to_act_on(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "gone"
    if made:
        folder.mkdir()
    with pytest.raises(ModelNotFoundError, match=r"gone cannot be loaded.*ASSISTANT_RERANKER"):
        CrossEncoderReranker(folder)
