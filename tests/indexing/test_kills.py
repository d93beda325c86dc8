"""Builds that are killed at moments drawn from a seed, a hundred times."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant.documents import Source
from assistant.embeddings.base import Vectors
from assistant.index import open_version
from assistant.index.document_texts import text_of
from assistant.indexing import BuildReport
from assistant.indexing.build import build_index
from assistant.indexing.job import BuildPlan
from assistant.indexing.survey import FileRules
from assistant.sources import fetch
from tests.fakes import HashEmbedder
from tests.opened import chunks_in, nearest_in

SEED = 20261124
KILLS = 100
FILES = 8
EDIT_EVERY = 4  # kills, so that the last of them meet a build that has little left to do
_FORKS = multiprocessing.get_context("forkserver")
_HEAVY = ["chromadb", "assistant.indexing.write_documents"]
_FORKS.set_forkserver_preload(["tests.indexing.test_kills", *_HEAVY])


class SlowEmbedder(HashEmbedder):
    """Takes its time, so that a build can be killed while it embeds."""

    def _encode_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        for batch in super()._encode_batches(texts):
            time.sleep(0.002)
            yield batch


def build(folder: Path, db: Path) -> BuildReport:
    return build_index(
        [Source("docs", folder=folder)],
        lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
        db,
        SlowEmbedder(),
        BuildPlan(60, FileRules(100_000), window_chunks=16, workers=0),
    )


def edit(folder: Path, rng: random.Random, files: int) -> None:
    for number in rng.sample(range(FILES), files):
        sections = [
            f"## Part {part}\n\n" + " ".join(f"word{rng.randrange(500)}" for _ in range(30))
            for part in range(rng.randrange(2, 7))
        ]
        text = f"# Page {number}\n\nAlways here.\n\n" + "\n\n".join(sections) + "\n"
        (folder / f"page{number}.md").write_text(text, encoding="utf-8")


def assert_answers(db: Path) -> None:
    """The index in use opens (which compares counts) and finds what every version has."""
    embedder = HashEmbedder()
    opened = open_version(db, embedder)
    hits = nearest_in(opened.store, embedder.encode_queries(["Page 3 always here"])[0], 50)
    assert any("Always here." in chunk.text for chunk, _ in hits)
    opened.close()


def content(db: Path) -> tuple[dict[str, object], dict[str, Vectors], dict[str, str | None]]:
    opened = open_version(db, HashEmbedder())
    chunks: dict[str, object] = {chunk.id: chunk for chunk in chunks_in(opened.store)}
    vectors = opened.store.vectors()
    texts = {address: text_of(opened.folder, address) for address in opened.manifest.files}
    opened.close()
    return chunks, vectors, texts


def run_in_a_process(task: Callable[..., object], *arguments: object) -> None:
    process = _FORKS.Process(target=task, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.timeout(240)
def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    folder, db = tmp_path / "docs", tmp_path / "db"
    folder.mkdir()
    edit(folder, rng, FILES)
    run_in_a_process(len, ())  # starts the server that the others are forked from
    started = time.monotonic()
    run_in_a_process(build, folder, db)
    longest = 1.2 * (time.monotonic() - started)  # as long as those that are killed would take
    killed = finished = 0
    while killed < KILLS:
        if killed % EDIT_EVERY == 0:
            edit(folder, rng, rng.choice([1, 3, FILES]))
        process = _FORKS.Process(target=build, args=(folder, db))
        process.start()
        process.join(rng.uniform(0, longest))
        if process.is_alive():
            process.kill()
            killed += 1
        else:
            finished += 1
            edit(folder, rng, 2)
        process.join()
        assert process.exitcode in (0, -9)
        assert_answers(db)
    last = build(folder, db)
    assert not list((db / "versions").glob("*/chunks.new.jsonl"))
    assert len(list((db / "versions").iterdir())) <= 2
    build(folder, tmp_path / "never_killed")
    chunks, vectors, texts = content(db)
    other_chunks, other_vectors, other_texts = content(tmp_path / "never_killed")
    assert chunks == other_chunks
    assert texts == other_texts
    assert texts == {f"docs/{file.name}": file.read_text("utf-8") for file in folder.iterdir()}
    assert vectors.keys() == other_vectors.keys()
    for identifier, vector in vectors.items():
        np.testing.assert_array_equal(vector, other_vectors[identifier])
    assert last.chunks == len(chunks)
    assert finished > 0  # some moments were late enough
