"""Puts the rooms that answer together as the settings say; for the page and every script."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from assistant import chat_models
from assistant.answering.chain import AnswerChain
from assistant.answering.grounding import Calibration, read_calibration, shipped_calibration
from assistant.embeddings import Embedder
from assistant.errors import IndexCorruptError, ModelNotFoundError
from assistant.index import LiveIndex, Manifest, open_version
from assistant.indexing import running_build
from assistant.indexing.building import chroma_server, embedder, model_hub
from assistant.model_hub import ModelHub
from assistant.progress import Progress, silent
from assistant.reports.index_page import write_report_page
from assistant.retriever import KnowledgeRetriever
from assistant.retriever.reranking import CrossEncoderReranker, Reranker
from assistant.settings import Settings

logger = logging.getLogger(__name__)


def retriever(settings: Settings, progress: Progress = silent) -> KnowledgeRetriever:
    """The index, open for questions; follows builds while it is open."""
    used = embedder(settings, progress)
    live = LiveIndex(settings.db_folder, used, chroma_server(settings))
    return KnowledgeRetriever(
        index=live, embedder=used, k=settings.hits, reranker=reranker(settings, progress)
    )


def reranker(settings: Settings, progress: Progress = silent) -> Reranker | None:
    """The cross-encoder that is set, downloaded if it is not there; None: none is."""
    if not settings.reranker:
        return None
    return CrossEncoderReranker(model_hub(settings, progress).fetch(settings.reranker))


def calibration(manifest: Manifest) -> Calibration:
    """What says whether a question can be answered: of this index, else the shipped one."""
    shipped = shipped_calibration(manifest.embedder)
    if not manifest.calibration:
        return shipped
    own = read_calibration(manifest.calibration)
    if not (why := own.mismatch(manifest.embedder, manifest.chunks)):
        return own
    logger.warning("%s: calibrate again with scripts/evaluate.py --calibrate", why)
    return own if own.embedder == manifest.embedder else shipped


def choose_chat_model(
    settings: Settings, hub: ModelHub, *, only_pypi: bool = False
) -> chat_models.Choice:
    """What answers on this machine: a model that is there already, else what can be had."""
    backends = {name: model.backend for name, model in hub.catalogue.items()}
    reachable = None
    if settings.chat_model == "auto" and not settings.openai_base_url and not only_pypi:
        from_hubs = (chat_models.GPU_MODEL, chat_models.HUB_MODEL)
        reachable = any(map(hub.has, from_hubs)) or (
            not hub.has(chat_models.EMBEDDED_MODEL) and hub.reachable(chat_models.HUB_MODEL)
        )
    return chat_models.choose(
        settings, chat_models.hardware(), reachable_hub=reachable, backends=backends
    )


def chat_model(settings: Settings, progress: Progress = silent) -> BaseChatModel:
    """The chat model that the settings or the machine suggest; logs why."""
    return load_chat_model(settings, model_hub(settings, progress))


def load_chat_model(settings: Settings, hub: ModelHub) -> BaseChatModel:
    """As `chat_model`; where no hub gives what was chosen, PyPI's model is taken."""
    choice = choose_chat_model(settings, hub)
    try:
        return _loaded(choice, settings, hub)
    except ModelNotFoundError as error:
        second = choose_chat_model(settings, hub, only_pypi=True)
        if second.model == choice.model:
            raise
        logger.warning("%s", error)
        return _loaded(second, settings, hub)


def _loaded(choice: chat_models.Choice, settings: Settings, hub: ModelHub) -> BaseChatModel:
    logger.info("chat model: %s (%s): %s", choice.model, choice.backend, choice.reason)
    return chat_models.load(choice, settings, fetch=hub.fetch)


class Calibrations:
    """`calibration` of the index in use, looked at again when a build has switched."""

    def __init__(self) -> None:
        self._last: tuple[Manifest, Calibration] | None = None

    def __call__(self, manifest: Manifest) -> Calibration:
        """The calibration for the index of this manifest."""
        last = self._last
        if last is None or last[0] is not manifest:
            self._last = last = (manifest, self._of(manifest))
        return last[1]

    def _of(self, manifest: Manifest) -> Calibration:
        try:
            return calibration(manifest)
        except IndexCorruptError as error:
            if self._last is None:
                raise
            logger.warning("the calibration before stays in use: %s", error)
            return self._last[1]


def chain(settings: Settings, finder: KnowledgeRetriever, model: BaseChatModel) -> AnswerChain:
    """Retriever and chat model, joined."""
    calibrations = Calibrations()
    calibrations(finder.manifest)  # warns at the start, not at the first question
    return AnswerChain(
        finder,
        model,
        calibration=calibrations,
        threshold=settings.answerable_threshold,
        passages_tokens=settings.passages_tokens,
        prompt_tokens=settings.chat_context_tokens - settings.answer_tokens,
        max_question_chars=settings.max_question_chars,
        rewrite_follow_ups=settings.rewrite_follow_ups,
    )


def serve_page(settings: Settings, answering: AnswerChain) -> None:
    """Build the page and serve it until it is stopped."""
    from assistant.ui import build_demo, read_examples, serve

    choice = choose_chat_model(settings, model_hub(settings))
    examples_file = settings.sources_file.with_name("examples.toml")
    demo = build_demo(
        answering,
        lambda: answering.manifest,
        building=lambda: running_build(settings.db_folder),
        title=settings.title,
        model_name="" if choice.model == "auto" else Path(choice.model).name,
        examples=read_examples(examples_file) if examples_file.is_file() else None,
        concurrency=chat_models.default_concurrency(choice, settings),
    )
    serve(
        demo,
        host=settings.host,
        port=settings.port,
        root_path=settings.root_path,
        share=settings.share,
        share_timeout_seconds=settings.share_timeout_seconds,
    )


def write_index_report(settings: Settings, file: Path, used: Embedder | None = None) -> None:
    """A page about the index in use; `used` is as in `build`."""
    used = used or embedder(settings)
    with closing(open_version(settings.db_folder, used, chroma_server(settings))) as opened:
        write_report_page(file, opened.folder, opened.manifest, opened.store)
