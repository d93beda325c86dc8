"""The Ray engine against the local one, on a local Ray with two workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant.documents import Source
from assistant.embeddings.base import Vectors
from assistant.indexing import BuildReport
from assistant.indexing.build import build_index
from assistant.indexing.embedding_cache import Encode
from assistant.indexing.job import BuildPlan
from assistant.indexing.ray_engine import on_ray
from assistant.indexing.survey import FileRules
from assistant.sources import fetch
from tests.fakes import HashEmbedder
from tests.opened import open_index

ray = pytest.importorskip("ray", reason="Ray is an optional requirement")


class DyingEmbedder(HashEmbedder):
    """Kills its own process in the middle of its work, once."""

    def __init__(self, flag: Path) -> None:
        super().__init__()
        self.flag = flag

    def _encode_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        for place, batch in enumerate(super()._encode_batches(texts)):
            time.sleep(0.001)
            if place == 3 and not self.flag.exists():
                self.flag.write_text("died")
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch


@pytest.fixture(scope="module", autouse=True)
def two_workers() -> Iterator[None]:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": path}},
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    for number in range(20):
        sections = [f"## Part {p}\n\n" + f"word{number * 31 + p} " * 30 for p in range(30)]
        text = f"# Page {number}\n\n" + "\n\n".join(sections)
        (folder / f"page{number}.md").write_text(text + "\n", encoding="utf-8")
    return folder


def build(folder: Path, db: Path, encode: Encode | None = None) -> BuildReport:
    return build_index(
        [Source("docs", folder=folder)],
        lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
        db,
        HashEmbedder(),
        BuildPlan(60, FileRules(1_000_000), encode=encode),
    )


def vectors_of(db: Path) -> dict[str, Vectors]:
    store, _ = open_index(db, HashEmbedder())
    vectors = store.vectors()
    store.close()
    return vectors


def assert_same(one: dict[str, Vectors], other: dict[str, Vectors]) -> None:
    assert one.keys() == other.keys()
    for identifier, vector in one.items():
        np.testing.assert_array_equal(vector, other[identifier])


def test_ray_and_local_build_the_same_index(folder: Path, tmp_path: Path) -> None:
    local = build(folder, tmp_path / "local")
    over = build(folder, tmp_path / "ray", on_ray(HashEmbedder(), 2))
    assert over.embedded == local.embedded > 500
    assert_same(vectors_of(tmp_path / "local"), vectors_of(tmp_path / "ray"))


def test_a_killed_worker_loses_nothing(folder: Path, tmp_path: Path) -> None:
    flag = tmp_path / "died"
    build(folder, tmp_path / "ray", on_ray(DyingEmbedder(flag), 2))
    assert flag.exists()
    build(folder, tmp_path / "local")
    assert_same(vectors_of(tmp_path / "local"), vectors_of(tmp_path / "ray"))
