"""The rooms put together from settings, with a real small embedder."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from assistant import chat_models, embeddings
from assistant.answering.chain import AnswerChain
from assistant.answering.find import Finder
from assistant.answering.grounding import (
    Calibration,
    Calibrations,
    calibration_of,
    shipped_calibration,
)
from assistant.answering.write import Writer
from assistant.application import Application
from assistant.chat_models import Choice
from assistant.documents import Question, Retrieved, SearchFilters, Turn
from assistant.embeddings.openvino_embedder import OpenVinoEmbedder
from assistant.embeddings.sentence_transformers import SentenceTransformersEmbedder
from assistant.errors import (
    FilterError,
    IndexCorruptError,
    IndexMismatchError,
    IndexNotFoundError,
    ModelNotFoundError,
    QuestionError,
)
from assistant.index import LiveIndex, Manifest
from assistant.model_hub import ModelHub
from assistant.retriever import KnowledgeRetriever
from assistant.retriever.reranking import CrossEncoderReranker
from assistant.settings import Settings
from assistant.ui.page import page_of
from tests.chat_models.openai_server import KEY, serving
from tests.fakes import ScriptedChatModel
from tests.retriever.test_reranking import make_cross_encoder
from tests.scripts.commands import build_sample, minilm_folder, settings_in

QUESTION = "how to quantize the kv cache online"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assembly")
    build_sample(folder)
    return folder


@pytest.fixture(scope="module")
def finder(folder: Path) -> Iterator[KnowledgeRetriever]:
    finder = Application(settings_in(folder, hits=4)).retriever
    yield finder
    close(finder)


def close(finder: KnowledgeRetriever) -> None:
    assert isinstance(finder.index, LiveIndex)
    finder.index.close()


def test_the_retriever_is_as_the_settings_say(finder: KnowledgeRetriever) -> None:
    manifest = finder.manifest
    assert (finder.k, finder.reranker) == (4, None)
    assert finder.embedder.identity == manifest.embedder
    assert finder.embedder.dimension == 384
    assert set(manifest.sources) == {"lmdeploy", "xtuner", "lagent"}
    hits = finder.retrieve(QUESTION)
    assert len(hits) == 4
    assert hits[0].chunk.address == "lmdeploy/docs/en/quantization/kv_quant.md"


@pytest.mark.parametrize("question", ["", "\x00", "half a character \ud83d", "😀 " * 3000])
def test_odd_questions_do_not_disturb_a_real_tokenizer(
    finder: KnowledgeRetriever, question: str
) -> None:
    assert finder.retrieve(question)


def chain_of(
    settings: Settings, finder: KnowledgeRetriever, model: ScriptedChatModel
) -> AnswerChain:
    """The chain of an application whose retriever and model are made already."""
    application = Application(settings)
    choice = Choice("llama_cpp", "scripted", "given by a test")
    application.made |= {"retriever": finder, "chat_model_choice": choice, "chat_model": model}
    return application.chain


def test_the_chain_is_as_the_settings_say(folder: Path, finder: KnowledgeRetriever) -> None:
    model = ScriptedChatModel(replies=["Set it to 8 [1]."])
    answer = chain_of(settings_in(folder), finder, model).invoke(QUESTION)
    assert (answer.text, answer.refused) == ("Set it to 8 [1].", False)
    assert (answer.model, answer.index_version) == ("scripted", finder.search(QUESTION).version)
    strict = settings_in(folder, answerable_threshold=1.0, max_question_chars=100)
    chain = chain_of(strict, finder, model)
    assert chain.invoke(QUESTION).refused
    with pytest.raises(QuestionError):
        chain.invoke("x" * 101)


def test_follow_ups_are_rewritten_by_the_model_if_that_is_set(
    folder: Path, finder: KnowledgeRetriever
) -> None:
    model = ScriptedChatModel(replies=["how to quantize the kv cache to int8", "8 [1]."])
    settings = settings_in(folder, rewrite_follow_ups=True)
    history = [Turn(Question("What is a kv cache?"), "A cache [1].")]
    events = chain_of(settings, finder, model).answer("and how to quantize it?", history)
    first = next(events)
    assert isinstance(first, Retrieved)
    assert first.searched_for == "how to quantize the kv cache to int8"


def test_a_reranker_that_is_set_sorts_the_hits(folder: Path, tmp_path: Path) -> None:
    settings = settings_in(folder, reranker=str(make_cross_encoder(tmp_path / "cross")))
    finder = Application(settings).retriever
    assert isinstance(finder.reranker, CrossEncoderReranker)
    hits = finder.retrieve(QUESTION)
    scores = finder.reranker.scores(QUESTION, [hit.chunk for hit in hits])
    assert [hit.score for hit in hits] == pytest.approx(scores, abs=1e-3)
    close(finder)


def test_a_reranker_that_no_hub_has_is_an_error_without_a_network(folder: Path) -> None:
    settings = settings_in(folder, reranker="nobody/no-such-reranker", hubs=("huggingface",))
    with pytest.raises(ModelNotFoundError, match="nobody/no-such-reranker"):
        _ = Application(settings).reranker
    with pytest.raises(ModelNotFoundError, match="no-such-reranker"):
        _ = Application(settings_in(folder, reranker="no-such-reranker")).reranker


def test_a_missing_index_and_one_of_another_embedder(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError, match=r"build_index\.py"):
        _ = Application(settings_in(folder, db_folder=tmp_path / "db")).retriever
    other = tmp_path / "other"
    shutil.copytree(minilm_folder(), other)
    with pytest.raises(IndexMismatchError):
        _ = Application(settings_in(folder, embedder=str(other))).retriever


@pytest.fixture
def manifest(finder: KnowledgeRetriever) -> Manifest:
    return finder.manifest


def own_calibration(manifest: Manifest, **changes: Any) -> Calibration:
    own: dict[str, Any] = {"embedder": manifest.embedder, "chunks": manifest.chunks, "data": "own"}
    return replace(shipped_calibration("another"), **(own | changes))


def with_calibration(manifest: Manifest, calibration: Calibration) -> Manifest:
    return replace(manifest, calibration=asdict(calibration))


def test_a_calibration_of_this_index_is_used(
    manifest: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    own = own_calibration(manifest, threshold=0.77)
    assert calibration_of(with_calibration(manifest, own)) == own
    assert caplog.records == []


def test_without_one_the_shipped_one_is(manifest: Manifest) -> None:
    assert manifest.calibration == {}
    assert calibration_of(manifest) == shipped_calibration(manifest.embedder)


def test_one_of_another_size_is_used_with_a_warning(
    manifest: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    own = own_calibration(manifest, chunks=manifest.chunks * 2)
    with caplog.at_level(logging.WARNING):
        assert calibration_of(with_calibration(manifest, own)) == own
    assert "scripts/evaluate.py --calibrate" in caplog.text
    assert f"{manifest.chunks * 2} chunks" in caplog.text


def test_one_of_another_embedder_is_not_used_and_that_is_said(
    manifest: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    own = own_calibration(manifest, embedder="another:1")
    with caplog.at_level(logging.WARNING):
        found = calibration_of(with_calibration(manifest, own))
    assert found == shipped_calibration(manifest.embedder)
    assert "another embedder" in caplog.text


def test_one_that_cannot_be_read_says_how_to_make_it_anew(manifest: Manifest) -> None:
    with pytest.raises(IndexCorruptError, match="--calibrate"):
        calibration_of(replace(manifest, calibration={"threshold": 0.5}))


def test_the_calibration_follows_the_index(
    manifest: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    calibrations = Calibrations()
    first = with_calibration(manifest, own_calibration(manifest, threshold=0.3))
    second = with_calibration(manifest, own_calibration(manifest, threshold=0.4))
    assert calibrations(first).threshold == 0.3
    assert calibrations(second).threshold == 0.4
    unreadable = replace(manifest, calibration={"threshold": 0.5})
    assert calibrations(unreadable).threshold == 0.4
    assert calibrations(unreadable).threshold == 0.4
    assert caplog.text.count("keeping the previous calibration") == 1
    with pytest.raises(IndexCorruptError):
        Calibrations()(unreadable)


def test_a_source_that_is_not_there_is_named(finder: KnowledgeRetriever) -> None:
    with pytest.raises(FilterError, match=r"no source xtunr .*lmdeploy"):
        finder.retrieve(QUESTION, filters=SearchFilters(sources=("lmdeploy", "xtunr")))


MADE_BY = {
    "hub": ModelHub.__init__,
    "embedder": embeddings.load_embedder,
    "encoder": OpenVinoEmbedder.__init__,
    "other encoder": SentenceTransformersEmbedder.__init__,
    "index": LiveIndex.__init__,
    "choice": chat_models.choose,
    "chat model": chat_models.load,
    "finder": Finder.__init__,
    "writer": Writer.__init__,
    "chain": AnswerChain.__init__,
}


@contextmanager
def made() -> Iterator[Counter[str]]:
    """Counts what is made meanwhile, in any thread, as Python's profiler sees it."""
    parts = {name: part for name, part in vars(Application).items() if hasattr(part, "_make")}
    makers = MADE_BY | {f"Application.{name}": part._make for name, part in parts.items()}
    names = {maker.__code__: name for name, maker in makers.items()}
    counts: Counter[str] = Counter()

    def see(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            counts[names[frame.f_code]] += 1

    threading.setprofile(see)
    sys.setprofile(see)
    try:
        yield counts
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def test_nothing_is_made_twice_by_a_start_a_question_and_a_build(tmp_path: Path) -> None:
    build_sample(tmp_path)
    page = tmp_path / "pages" / "lagent" / "README.md"
    with serving() as server, made() as counts:
        server.reply = "Set it to 8 [1]."
        settings = settings_in(tmp_path, openai_base_url=server.address, openai_api_key=KEY)
        application = Application(settings)
        loading = threading.Thread(target=lambda: application.embedder.load())  # noqa: PLW0108 (made in the thread)
        loading.start()
        page_of(application)
        loading.join()
        answer = application.chain.invoke(QUESTION)
        page.write_text("# Lagent\n\nLagent can do something new.\n", encoding="utf-8")
        assert application.build().embedded == 1
        application.close()
    assert (answer.text, answer.model) == ("Set it to 8 [1].", "tiny")
    assert set(counts.values()) == {1}
    parts = {"hub", "embedder", "index", "retriever", "finder", "writer", "chain", "chat_model"}
    assert {f"Application.{name}" for name in parts} <= set(counts)
    assert {"hub", "embedder", "index", "choice", "chat model", "finder", "writer"} <= set(counts)
    assert {"encoder", "other encoder"} & set(counts)


def test_searching_needs_no_chat_model(folder: Path) -> None:
    application = Application(settings_in(folder, rewrite_follow_ups=True))
    found = application.finder.find(Question(QUESTION))
    assert found.answerable
    assert not {"chat_model_choice", "chat_model", "writer", "chain"} & application.made.keys()
    application.close()


def test_how_many_answers_are_written_at_once_is_decided_here(tmp_path: Path) -> None:
    server = settings_in(tmp_path, chat_backend="openai_compatible", max_waiting_questions=7)
    slots = Application(server).slots
    assert (slots.at_once, slots.most_waiting) == (8, 7)
    set_by_the_owner = settings_in(tmp_path, chat_backend="openai_compatible", concurrency=3)
    assert Application(set_by_the_owner).slots.at_once == 3


def test_what_is_made_does_not_wait_for_what_is_loaded(tmp_path: Path) -> None:
    application = Application(Settings(_env_file=None, models_folder=tmp_path))
    hub, got = application.hub, []
    with application.making:  # as while a model is loaded
        asking = threading.Thread(target=lambda: got.append(application.hub), daemon=True)
        asking.start()
        asking.join(timeout=5)
        assert got == [hub]
