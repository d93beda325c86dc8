"""The application: every part that answers or builds, created once on first use.

The page, the scripts and the APIs share this object. Heavy libraries are imported inside
the properties, so that a build does not load those of a chat model.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from assistant.embeddings import Embedder, load_embedder
from assistant.errors import ModelNotFoundError
from assistant.index import ChromaServer, LiveIndex, open_version
from assistant.model_hub import Endpoints, ModelHub
from assistant.progress import Progress, silent
from assistant.settings import Settings
from assistant.sources import read_sources

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from assistant.answering.chain import AnswerChain
    from assistant.answering.find import Finder
    from assistant.answering.slots import WritingSlots
    from assistant.answering.write import Writer
    from assistant.chat_models import Choice
    from assistant.documents import Turn
    from assistant.indexing import BuildReport
    from assistant.retriever import KnowledgeRetriever
    from assistant.retriever.reranking import Reranker

logger = logging.getLogger(__name__)

_Part = TypeVar("_Part")


class _Once(Generic[_Part]):
    """A part of an application, created on first access.

    Unlike with `functools.cached_property`, concurrent threads get the same object.
    """

    def __init__(self, make: Callable[[Any], _Part]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, application: None, owner: type) -> _Once[_Part]: ...
    @overload
    def __get__(self, application: Application, owner: type) -> _Part: ...
    def __get__(self, application: Application | None, owner: type) -> Any:
        if application is None:
            return self
        if self._name not in application.made:
            with application.making:  # what is made already does not wait for what is loaded
                if self._name not in application.made:
                    application.made[self._name] = self._make(application)
        return application.made[self._name]


class Application:
    """The parts described by the settings.

    Args:
        settings: The owner's configuration.
        progress: Called during downloads and builds.

    Attributes:
        made: Parts created so far, by name.
        making: Lock held while a part is created.
    """

    def __init__(self, settings: Settings, progress: Progress = silent) -> None:
        self.settings = settings
        self.progress = progress
        self.made: dict[str, Any] = {}
        self.making = threading.RLock()

    @_Once
    def hub(self) -> ModelHub:
        """The model hubs, in the configured order."""
        settings = self.settings
        return ModelHub(
            folder=settings.models_folder,
            order=settings.hubs,
            check_seconds=settings.hub_check_seconds,
            timeout_seconds=settings.download_timeout_seconds,
            progress=self.progress,
            endpoints=Endpoints(
                huggingface=settings.huggingface_endpoint,
                huggingface_offline=settings.huggingface_offline,
                modelscope=settings.modelscope_endpoint,
            ),
        )

    @_Once
    def embedder(self) -> Embedder:
        """The embedder shared by builds and queries, downloaded if necessary."""
        return load_embedder(self.hub.fetch(self.settings.embedder))

    @_Once
    def chroma_server(self) -> ChromaServer | None:
        """The server that stores the vectors, or None if the index folder stores them."""
        settings = self.settings
        if not settings.chroma_url:
            return None
        return ChromaServer(
            settings.chroma_url, settings.chroma_token, settings.chroma_token_header
        )

    @_Once
    def index(self) -> LiveIndex:
        """The index in use; switches to new versions as builds finish."""
        return LiveIndex(self.settings.db_folder, self.embedder, self.chroma_server)

    @_Once
    def reranker(self) -> Reranker | None:
        """The configured cross-encoder, or None."""
        from assistant.retriever.reranking import CrossEncoderReranker

        if not self.settings.reranker:
            return None
        return CrossEncoderReranker(self.hub.fetch(self.settings.reranker))

    @_Once
    def retriever(self) -> KnowledgeRetriever:
        """Retriever over the index in use."""
        from assistant.retriever import KnowledgeRetriever

        return KnowledgeRetriever(
            index=self.index,
            embedder=self.embedder,
            k=self.settings.hits,
            reranker=self.reranker,
        )

    @_Once
    def chat_model_choice(self) -> Choice:
        """Which chat model answers, why, and where its files are.

        Falls back to the model on PyPI if no hub provides the chosen one.
        """
        choice = self._choose(only_pypi=False)
        try:
            return self._located(choice)
        except ModelNotFoundError as error:
            second = self._choose(only_pypi=True)
            if second.model == choice.model:
                raise
            logger.warning("%s", error)
            return self._located(second)

    @_Once
    def chat_model(self) -> BaseChatModel:
        """The chat model named by `chat_model_choice`, loaded."""
        from assistant import chat_models

        model = chat_models.load(self.chat_model_choice, self.settings)
        if self.chat_model_choice.model == "auto":
            logger.info("the server's chat model: %s", getattr(model, "model_name", ""))
        return model

    @property
    def model_name(self) -> str:
        """Display name of the chat model."""
        choice = self.chat_model_choice
        if choice.model == "auto":  # the first model of the server
            return str(getattr(self.chat_model, "model_name", ""))
        return Path(choice.model).name

    @_Once
    def slots(self) -> WritingSlots:
        """Limit on answers written at once, shared by the page and all APIs."""
        from assistant import chat_models
        from assistant.answering.slots import WritingSlots

        at_once = chat_models.default_concurrency(self.chat_model_choice, self.settings)
        return WritingSlots(at_once, self.settings.max_waiting_questions)

    @_Once
    def finder(self) -> Finder:
        """Finds passages and decides whether a question can be answered."""
        from assistant.answering.find import Finder
        from assistant.answering.follow_up import standalone_by_rules
        from assistant.answering.grounding import Calibrations

        settings = self.settings
        calibrations = Calibrations()
        calibrations(self.retriever.manifest)  # warns at start-up, not at the first question
        return Finder(
            self.retriever,
            calibration=calibrations,
            threshold=settings.answerable_threshold,
            max_question_chars=settings.max_question_chars,
            standalone=self._rewritten if settings.rewrite_follow_ups else standalone_by_rules,
        )

    @_Once
    def writer(self) -> Writer:
        """Writes answers with the chat model."""
        from assistant.answering.write import Writer

        settings = self.settings
        return Writer(
            self.chat_model,
            model_name=self.model_name,
            passages_tokens=settings.passages_tokens,
            prompt_tokens=settings.chat_context_tokens - settings.answer_tokens,
            answer_tokens=settings.answer_tokens,
            answer_seconds=settings.answer_seconds,
        )

    @_Once
    def chain(self) -> AnswerChain:
        """Finder and writer in one chain."""
        from assistant.answering.chain import AnswerChain

        return AnswerChain(self.finder, self.writer, self.slots)

    def build(
        self,
        *,
        offline: bool = False,
        rebuild: bool = False,
        growing: bool = False,
        ray_workers: int | None = None,
    ) -> BuildReport:
        """Bring the index up to date with the sources file.

        Args:
            offline: Use existing clones without fetching.
            rebuild: Discard the index and all stored vectors first.
            growing: Add missing sources one by one; see `build_growing`.
            ray_workers: Number of Ray workers that embed; see `plan_of`. None: no Ray.
        """
        from assistant.indexing import SourceFetcher
        from assistant.indexing.build import build
        from assistant.indexing.growing import build_growing
        from assistant.indexing.job import plan_of

        settings = self.settings
        read_sources(settings.sources_file)  # fail before downloading a model
        embedder = self.embedder
        plan = plan_of(
            settings, embedder, self.chroma_server, rebuild=rebuild, ray_workers=ray_workers
        )
        fetch = SourceFetcher.of(settings, offline=offline)
        start = build_growing if growing else build
        return start(settings, embedder, plan, fetch, self.progress)

    def write_index_report(self, file: Path) -> None:
        """Write an HTML report on the index in use."""
        from assistant.reports.index_page import write_report_page

        version = open_version(self.settings.db_folder, self.embedder, self.chroma_server)
        with closing(version) as opened:
            write_report_page(file, opened.folder, opened.manifest, opened.store)

    def close(self) -> None:
        """Close the index if it is open."""
        if "index" in self.made:
            self.index.close()

    def _rewritten(self, question: str, history: Sequence[Turn]) -> str:
        """The question, rewritten by the chat model to stand alone."""
        from assistant.answering.follow_up import standalone_by_model

        return standalone_by_model(question, history, self.chat_model, self.slots.place)

    def _choose(self, *, only_pypi: bool) -> Choice:
        from assistant import chat_models

        settings, hub = self.settings, self.hub
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

    def _located(self, choice: Choice) -> Choice:
        from assistant import chat_models

        logger.info("chat model: %s (%s): %s", choice.model, choice.backend, choice.reason)
        return replace(choice, path=chat_models.located(choice, self.hub.fetch))
