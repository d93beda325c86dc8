"""The version in use while builds switch: who has it, when it is closed, what is refused."""

from __future__ import annotations

import gc
import logging
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant.errors import IndexMismatchError, IndexNotFoundError
from assistant.index import LiveIndex, OpenVersion, open_version
from assistant.index.versions import current_version
from assistant.retriever import KnowledgeRetriever
from tests.fakes import HashEmbedder
from tests.sample_index import PAGES, build_pages, sample_embedder

NARWHAL = {"xtuner/narwhal.md": "# Narwhal\n\nA narwhal has a tusk.\n"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the sample pages."""
    folder = tmp_path_factory.mktemp("built")
    build_pages(folder)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def live(folder: Path, clock: Clock) -> Iterator[LiveIndex]:
    index = LiveIndex(folder / "db", sample_embedder(), clock=clock)
    yield index
    index.close()


def build_more(folder: Path, number: int = 0) -> Path:
    """Build again with a page more; returns the new version."""
    build_pages(folder, PAGES | NARWHAL | {f"xtuner/{n}.md": f"# {n}\n" for n in range(number)})
    version = current_version(folder / "db")
    assert version is not None
    return version


def name_of(live: LiveIndex) -> str:
    with live.current() as version:
        return version.name


def works(version: OpenVersion) -> bool:
    vector = sample_embedder().encode_queries(["tusk"])[0]
    identifiers, _ = version.store.nearest(vector, 1)
    return bool(version.store.get(identifiers))


def works_still(version: OpenVersion) -> bool:
    try:
        return works(version)
    except (AttributeError, RuntimeError):  # what Chroma raises when it was closed
        return False


def descriptors_below(folder: Path) -> list[str]:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [str(link.readlink()) for link in links if link.readlink().is_relative_to(folder)]


def test_a_new_version_is_lent_after_a_second_and_the_old_one_can_be_finished_with(
    folder: Path, live: LiveIndex, clock: Clock
) -> None:
    with live.current() as first:
        new = build_more(folder)
        assert name_of(live) == first.name  # a second has not passed
        clock.now = 2.0
        assert name_of(live) == new.name
        assert works(first)
    assert not works_still(first)


def test_a_version_is_closed_when_the_last_of_its_leases_ends(
    folder: Path, live: LiveIndex, clock: Clock
) -> None:
    first, second = live.current(), live.current()
    version = first.__enter__()
    assert second.__enter__() is version
    build_more(folder)
    clock.now = 2.0
    name_of(live)
    first.__exit__(None, None, None)
    assert works(version)
    second.__exit__(None, None, None)
    assert not works_still(version)


def test_a_lease_ends_with_an_error_too(folder: Path, live: LiveIndex, clock: Clock) -> None:
    with pytest.raises(KeyboardInterrupt), live.current() as version:
        build_more(folder)
        clock.now = 2.0
        name_of(live)
        raise KeyboardInterrupt
    assert not works_still(version)


def test_a_version_that_nobody_leases_any_more_is_removed_by_a_build(
    folder: Path, live: LiveIndex, clock: Clock
) -> None:
    with live.current() as first:
        for number in (1, 2, 3):
            build_more(folder, number)
            clock.now += 2.0
            name_of(live)
        assert first.folder.is_dir()
        assert len(first.store) == first.manifest.chunks
    build_more(folder, 4)
    assert not first.folder.exists()


def test_an_index_that_is_closed_while_it_is_leased(live: LiveIndex) -> None:
    with live.current() as version:
        live.close()
        live.close()
        assert works(version)
        with pytest.raises(IndexNotFoundError, match="was closed"), live.current():
            pass
    assert not works_still(version)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's descriptors")
def test_many_questions_while_versions_switch(folder: Path) -> None:
    """Each is answered from one version, and in the end nothing stays open."""
    live = LiveIndex(folder / "db", sample_embedder(), check_seconds=0.0)
    finder = KnowledgeRetriever(index=live, embedder=sample_embedder())
    finder.search("narwhal")
    done = threading.Event()

    def ask() -> set[str]:
        versions = set()
        while not done.is_set():
            found = finder.search("A narwhal has a tusk")
            has_narwhal = "xtuner/narwhal.md" in {hit.chunk.address for hit in found.hits}
            assert has_narwhal == ("xtuner/narwhal.md" in found.manifest.files)
            versions.add(found.version)
        return versions

    with ThreadPoolExecutor(6) as together:
        asking = [together.submit(ask) for _ in range(6)]
        for number in range(4):
            build_more(folder, number)
        done.set()
        seen = set().union(*(each.result() for each in asking))
    assert len(seen) >= 3
    assert descriptors_below(folder)
    live.close()
    gc.collect()  # files of words are mapped, and unmapped with their arrays
    assert descriptors_below(folder) == []
    build_more(folder, 9)
    build_more(folder, 10)
    assert len(list((folder / "db" / "versions").iterdir())) == 2


def break_manifest(version: Path) -> None:
    (version / "manifest.json").write_text("{}")


def remove_keywords(version: Path) -> None:
    shutil.rmtree(version / "keywords")


def cut_vectors(version: Path) -> None:
    file = version / "vectors.npy"
    file.write_bytes(file.read_bytes()[:-100])


def break_means(version: Path) -> None:
    (version / "language_centres.npz").write_bytes(b"PK")


def swap_means(version: Path) -> None:
    """Of a version with fewer passages."""
    for other in version.parent.iterdir():
        if other != version:
            shutil.copy(other / "language_centres.npz", version)


def break_database(version: Path) -> None:
    (version / "chroma.sqlite3").write_bytes(b"no database" * 100)


@pytest.mark.parametrize(
    "damage",
    [break_manifest, remove_keywords, cut_vectors, break_means, swap_means, break_database],
    ids=lambda damage: damage.__name__,
)
def test_a_new_version_with_a_damaged_part_is_refused_once_and_tried_again_later(
    folder: Path,
    live: LiveIndex,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], None],
) -> None:
    finder = KnowledgeRetriever(index=live, embedder=sample_embedder())
    before = finder.search("narwhal")
    new = build_more(folder)
    shutil.copytree(new, folder / "whole")
    damage(new)
    with caplog.at_level(logging.WARNING):
        for clock.now in (2.0, 4.0, 6.0, 70.0, 72.0):
            found = finder.search("narwhal")
            assert (found.version, found.hits) == (before.version, before.hits)
    refusals = [text for text in caplog.messages if "keeping the old one" in text]
    assert len(refusals) == 1
    assert "build_index.py" in refusals[0]
    shutil.rmtree(new)
    shutil.copytree(folder / "whole", new)
    clock.now = 75.0  # it was just tried
    assert finder.search("narwhal").version == before.version
    clock.now = 140.0
    found = finder.search("narwhal")
    assert (found.version, found.hits[0].chunk.path) == (new.name, "narwhal.md")


def test_a_new_index_of_another_embedder_leaves_the_old_one_answering(
    folder: Path, live: LiveIndex, clock: Clock
) -> None:
    name = name_of(live)
    build_pages(folder, PAGES, HashEmbedder("another"))
    clock.now = 5.0
    assert name_of(live) == name
    with pytest.raises(IndexMismatchError):
        open_version(folder / "db", sample_embedder())
    build_more(folder)
    clock.now = 6.5
    assert name_of(live) != name


def test_a_lost_pointer_is_said_once_and_the_old_version_answers(
    folder: Path, live: LiveIndex, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    name = name_of(live)
    (folder / "db" / "current").unlink()
    with caplog.at_level(logging.WARNING):
        for clock.now in (2.0, 4.0, 70.0):
            assert name_of(live) == name
    assert len([text for text in caplog.messages if "there is no index" in text]) == 1
