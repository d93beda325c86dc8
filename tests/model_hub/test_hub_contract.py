"""The real client of every hub against a server on loopback: all must behave alike."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.errors import HubError, ModelNotFoundError
from assistant.model_hub import CatalogueModel, Endpoints, ModelHub
from assistant.model_hub.catalogue import ModelFile
from assistant.settings import Hub
from tests.model_hub.conftest import FILES, WANTED, WEIGHTS, folder_model
from tests.model_hub.servers import (
    HubServer,
    HuggingFaceServer,
    ModelScopeServer,
    OpenXLabServer,
    sha256,
)

SERVERS: dict[Hub, type[HubServer]] = {
    "huggingface": HuggingFaceServer,
    "modelscope": ModelScopeServer,
    "openxlab": OpenXLabServer,
}
# Nothing listens there: ports below 1024 are not handed out to servers on port 0.
NOWHERE = "http://127.0.0.1:9"


@dataclass
class OneHub:
    """A hub's server, and the way to make a `ModelHub` that knows only this one."""

    name: Hub
    server: HubServer
    folder: Path

    def hub(
        self, model: CatalogueModel | None = None, timeout_seconds: float = 60, **rest: object
    ) -> ModelHub:
        return ModelHub(
            self.folder,
            (self.name,),
            3,
            timeout_seconds,
            endpoints=endpoints(**{self.name: self.server.address}),
            catalogue={"tiny": model or folder_model()},
            **rest,  # type: ignore[arg-type]
        )


def endpoints(**addresses: str) -> Endpoints:
    """Where no address is given, nobody answers."""
    nobody = dict.fromkeys(SERVERS, NOWHERE)
    return Endpoints(**(nobody | addresses))  # type: ignore[arg-type]


@pytest.fixture(params=SERVERS)
def one_hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OneHub]:
    name: Hub = request.param
    if name == "openxlab":
        request.getfixturevalue("openxlab_sdk")
    with SERVERS[name](FILES).running() as server:
        yield OneHub(name, server, tmp_path / "models")


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a model, without the marker."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_downloads_the_wanted_files_once(one_hub: OneHub) -> None:
    reports: list[tuple[int, int | None]] = []
    hub = one_hub.hub(progress=lambda stage, done, total, unit: reports.append((done, total)))
    folder = hub.fetch("tiny")
    assert folder == one_hub.folder / "tiny"
    assert contents(folder) == WANTED
    size = sum(map(len, WANTED.values()))
    assert reports[-1] == (size, size)
    assert all(total is None or done < total for done, total in reports[:-1])
    asked = len(one_hub.server.headers)
    assert one_hub.hub().fetch("tiny") == folder
    assert len(one_hub.server.headers) == asked
    assert not list((one_hub.folder / ".partial").glob("tiny/*"))


def test_fetches_one_file(one_hub: OneHub) -> None:
    path = one_hub.hub().fetch_file("tiny", "config.json")
    assert path.read_bytes() == FILES["config.json"]
    assert [name for name, _ in one_hub.server.bodies] == ["config.json"]
    assert one_hub.hub().fetch_file("tiny", "config.json") == path
    assert len(one_hub.server.bodies) == 1
    assert contents(one_hub.hub().fetch("tiny")) == WANTED


def test_names_a_file_that_is_missing(one_hub: OneHub) -> None:
    with pytest.raises(ModelNotFoundError, match=f"{one_hub.name}: has no file other.json"):
        one_hub.hub().fetch_file("tiny", "other.json")
    del one_hub.server.files["model.safetensors"]
    with pytest.raises(ModelNotFoundError, match=r"lacks model\.safetensors"):
        one_hub.hub().fetch("tiny")
    assert not (one_hub.folder / "tiny").exists()


def test_a_repository_that_is_not_there(one_hub: OneHub) -> None:
    model = folder_model()
    nowhere = type(model.huggingface)("lab/other")  # type: ignore[misc]
    changes: dict[str, Any] = vars(model) | dict.fromkeys(SERVERS, nowhere)
    other = CatalogueModel(**changes)
    with pytest.raises(ModelNotFoundError) as raised:
        one_hub.hub(other).fetch("tiny")
    reason = raised.value.got.partition(f"{one_hub.name}: ")[2]
    assert re.search(r"\b([Nn]ot (exist|[Ff]ound)|404)\b", reason)


def test_refuses_what_the_catalogue_does_not_expect(one_hub: OneHub) -> None:
    expected = sha256(b"something else")
    model = folder_model(
        ModelFile("config.json"), ModelFile("model.safetensors", len(WEIGHTS), expected)
    )
    with pytest.raises(
        ModelNotFoundError, match=f"SHA-256 {sha256(WEIGHTS)} instead of {expected}"
    ):
        one_hub.hub(model).fetch("tiny")
    assert not (one_hub.folder / "tiny").exists()
    good = folder_model(
        ModelFile("config.json"), ModelFile("model.safetensors", len(WEIGHTS), sha256(WEIGHTS))
    )
    assert contents(one_hub.hub(good).fetch("tiny"))["model.safetensors"] == WEIGHTS


def test_a_broken_connection_is_resumed_at_once(one_hub: OneHub) -> None:
    one_hub.server.breaks["model.safetensors"] = 1
    assert contents(one_hub.hub().fetch("tiny")) == WANTED
    ranges = [asked for name, asked in one_hub.server.bodies if name == "model.safetensors"]
    assert ranges[0] is None
    assert 0 < begin_of(ranges[1]) <= len(WEIGHTS) // 2


def test_a_download_that_stalls_is_resumed_by_the_next_run(one_hub: OneHub) -> None:
    one_hub.server.hangs.add("model.safetensors")
    with pytest.raises(ModelNotFoundError, match="no data received for 8 s"):
        one_hub.hub(timeout_seconds=8).fetch("tiny")
    one_hub.server.hangs.clear()
    assert contents(one_hub.hub().fetch("tiny")) == WANTED
    asked = [asked for name, asked in one_hub.server.bodies if name == "model.safetensors"][-1]
    assert 0 < begin_of(asked) <= len(WEIGHTS) // 2


def begin_of(asked: str | None) -> int:
    assert asked is not None
    return int(asked.removeprefix("bytes=").split("-")[0])


def test_one_file_does_not_cost_what_has_arrived_of_the_whole(one_hub: OneHub) -> None:
    one_hub.server.hangs.add("model.safetensors")
    with pytest.raises(ModelNotFoundError, match="no data received"):
        one_hub.hub(timeout_seconds=8).fetch("tiny")
    one_hub.server.hangs.clear()
    one_hub.hub().fetch_file("tiny", "README.md")
    assert contents(one_hub.hub().fetch("tiny")) == {**WANTED, "README.md": FILES["README.md"]}
    asked = [asked for name, asked in one_hub.server.bodies if name == "model.safetensors"][-1]
    assert begin_of(asked) > 0
    assert not list((one_hub.folder / ".partial").glob("tiny/*"))


def test_two_at_once_download_once(one_hub: OneHub) -> None:
    one_hub.server.hangs.add("model.safetensors")
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(one_hub.hub().fetch("tiny"))) for _ in "12"
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: "model.safetensors" in dict(one_hub.server.bodies))
    one_hub.server.hangs.clear()
    for thread in threads:
        thread.join(60)
    assert found == [one_hub.folder / "tiny"] * 2
    assert [name for name, _ in one_hub.server.bodies].count("config.json") == 1


def test_falls_through_with_a_line_for_each_hub(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "assistant.model_hub")
    with (
        HuggingFaceServer(FILES).running() as good,
        ModelScopeServer({"config.json": b"{}"}).running() as lacking,
    ):
        hub = ModelHub(
            tmp_path,
            ("openxlab", "modelscope", "pypi", "huggingface"),
            3,
            60,
            endpoints=endpoints(huggingface=good.address, modelscope=lacking.address),
            catalogue={"tiny": folder_model()},
        )
        assert hub.reachable()
        assert contents(hub.fetch("tiny")) == WANTED
    assert [record.getMessage() for record in caplog.records] == [
        "tiny: openxlab: not reachable within 3 s (connection refused)",
        "tiny: modelscope: downloading",
        "tiny: modelscope: lacks model.safetensors; lists config.json",
        "tiny: pypi: does not have it",
        "tiny: huggingface: downloading",
        "tiny: huggingface: 3 files, 3 MB",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_full_disk_is_said_and_no_other_hub_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    parts = tmp_path / ".partial" / "tiny" / "huggingface" / "parts"
    parts.mkdir(parents=True)
    (parts / "model.safetensors").symlink_to("/dev/full")
    with HuggingFaceServer(FILES).running() as first, ModelScopeServer(FILES).running() as second:
        hub = ModelHub(
            tmp_path,
            ("huggingface", "modelscope"),
            3,
            60,
            endpoints=endpoints(huggingface=first.address, modelscope=second.address),
            catalogue={"tiny": folder_model()},
        )
        with pytest.raises(HubError, match=r"No space left.*Free disk space"):
            hub.fetch("tiny")
        assert not second.bodies
