"""Building and updating a real index from real folders, with a hash embedder."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from assistant.documents import Source
from assistant.errors import (
    IndexBusyError,
    IndexCorruptError,
    IndexMismatchError,
    IndexNotFoundError,
    SourceError,
)
from assistant.index.versions import current_version
from assistant.indexing import BuildReport
from assistant.indexing.build import build_index
from assistant.indexing.job import BuildPlan
from assistant.indexing.lock import build_locked
from assistant.indexing.survey import FileRules
from assistant.sources import fetch
from tests.fakes import HashEmbedder
from tests.opened import chunks_in, nearest_in, open_index

PAGES = {
    "install.md": "# Install\n\nRun pip install tool.\n",
    "guide/serve.md": "# Serve\n\nStart the server on port 80.\n\n## Options\n\nUse --tp 2.\n",
    "guide/说明 书.md": "# 说明\n\n这是中文文档。\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in PAGES.items():
        file = tmp_path / "docs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path / "docs"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "db"


def build(
    folder: Path, db: Path, embedder: HashEmbedder | None = None, *, rebuild: bool = False
) -> BuildReport:
    return build_index(
        [Source("docs", folder=folder)],
        lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
        db,
        embedder or HashEmbedder(),
        BuildPlan(200, FileRules(100_000), rebuild=rebuild),
    )


def test_a_build_can_be_opened_and_searched(folder: Path, db: Path) -> None:
    report = build(folder, db)
    assert report.changed
    assert report.files == 3
    assert report.embedded == report.chunks > 0
    assert [source.status for source in report.sources] == ["ok"]
    embedder = HashEmbedder()
    store, manifest = open_index(db, embedder)
    assert len(store) == manifest.chunks == report.chunks
    vector = embedder.encode_queries(["Start the server on port 80"])[0]
    ((chunk, score),) = nearest_in(store, vector, 1)
    assert chunk.address == "docs/guide/serve.md"
    assert 0 < score <= 1.0001
    store.close()


def test_a_second_build_changes_nothing(folder: Path, db: Path) -> None:
    build(folder, db)
    version = current_version(db)
    embedder = HashEmbedder()
    report = build(folder, db, embedder)
    assert not report.changed
    assert (report.embedded, report.deleted, embedder.encoded) == (0, 0, 0)
    assert report.reused == report.chunks
    assert current_version(db) == version


def test_only_what_changed_is_embedded(folder: Path, db: Path) -> None:
    before = build(folder, db).chunks
    page = folder / "guide/serve.md"
    page.write_text(PAGES["guide/serve.md"] + "\n## More\n\nA new paragraph.\n", encoding="utf-8")
    (folder / "install.md").unlink()
    embedder = HashEmbedder()
    report = build(folder, db, embedder)
    assert report.embedded == embedder.encoded
    assert 1 <= report.embedded <= 2
    assert report.deleted >= 1
    store, _ = open_index(db, embedder)
    texts = "\n".join(chunk.text for chunk in chunks_in(store))
    assert "A new paragraph." in texts
    assert "pip install tool" not in texts
    assert before >= 3
    store.close()


def test_an_update_equals_a_fresh_build(folder: Path, db: Path, tmp_path: Path) -> None:
    build(folder, db)
    (folder / "install.md").write_text("# Install\n\nSomething else.\n", encoding="utf-8")
    build(folder, db)
    build(folder, tmp_path / "fresh")
    contents = []
    for place in (db, tmp_path / "fresh"):
        store, _ = open_index(place, HashEmbedder())
        contents.append(({c.id: c for c in chunks_in(store)}, store.vectors()))
        store.close()
    assert contents[0][0] == contents[1][0]
    for identifier, vector in contents[0][1].items():
        np.testing.assert_array_equal(vector, contents[1][1][identifier])


def test_a_moved_file_is_not_embedded_again_where_its_text_is_the_same(
    folder: Path, db: Path
) -> None:
    build(folder, db)
    (folder / "install.md").rename(folder / "setup.md")
    report = build(folder, db)
    assert report.embedded == 0
    store, _ = open_index(db, HashEmbedder())
    assert "docs/setup.md" in {chunk.address for chunk in chunks_in(store)}
    store.close()


def test_equal_chunks_are_embedded_once(folder: Path, db: Path) -> None:
    for name in ("x.md", "y.md"):
        (folder / name).write_text("# Same\n\nThe same words.\n", encoding="utf-8")
    report = build(folder, db)
    assert report.chunks - report.embedded == 1


def test_a_failing_source_is_reported_and_the_rest_is_built(folder: Path, db: Path) -> None:
    sources = [Source("gone", folder=folder / "nowhere"), Source("docs", folder=folder)]
    report = build_index(
        sources,
        lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
        db,
        HashEmbedder(),
        BuildPlan(200, FileRules(100_000)),
    )
    assert [source.status for source in report.sources] == ["failed", "ok"]
    assert "nowhere" in report.sources[0].reason


def test_a_source_that_is_away_keeps_its_place_in_the_index(folder: Path, db: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (other / "a.md").write_text("# Other\n\nwords\n", encoding="utf-8")
    (folder / "picture.md").write_text("![](a.png)\n", encoding="utf-8")

    def build_both() -> BuildReport:
        return build_index(
            [Source("docs", folder=folder), Source("other", folder=other)],
            lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
            db,
            HashEmbedder(),
            BuildPlan(200, FileRules(100_000)),
        )

    first = build_both()
    (other / "b.md").write_text("# More\n\nof them\n", encoding="utf-8")
    folder.rename(folder.with_name("away"))
    report = build_both()
    docs = report.sources[0]
    assert (docs.status, docs.files, docs.chunks) == ("kept", 3, first.sources[0].chunks)
    assert "there is no folder" in docs.reason
    assert (report.chunks, report.skipped) == (first.chunks + 1, first.skipped)
    assert not build_both().changed
    folder.with_name("away").rename(folder)
    report = build_both()
    assert [source.status for source in report.sources] == ["ok", "ok"]
    assert not report.changed
    folder = folder.with_name("elsewhere")  # nothing is kept of another place
    report = build_both()
    assert [(s.status, s.chunks > 0) for s in report.sources] == [("failed", False), ("ok", True)]


def test_no_source_at_all_is_an_error_and_keeps_the_old_index(folder: Path, db: Path) -> None:
    build(folder, db)
    with pytest.raises(SourceError):
        build(folder / "nowhere", db)
    open_index(db, HashEmbedder())[0].close()


def test_two_builds_at_once(folder: Path, db: Path) -> None:
    errors: list[Exception] = []

    def second() -> None:
        try:
            build(folder, db)
        except IndexBusyError as error:
            errors.append(error)

    with build_locked(db):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "another build" in str(errors[0])
    assert build(folder, db).changed


def test_opening_never_creates(db: Path) -> None:
    with pytest.raises(IndexNotFoundError, match="build_index"):
        open_index(db, HashEmbedder())
    assert not db.exists()


def test_another_embedder_is_refused_and_a_build_replaces_it(folder: Path, db: Path) -> None:
    build(folder, db)
    other = HashEmbedder("other", dimension=32)
    with pytest.raises(IndexMismatchError, match="embedder"):
        open_index(db, other)
    assert build(folder, db, other).embedded > 0
    open_index(db, other)[0].close()


def manifest_file(db: Path) -> Path:
    version = current_version(db)
    assert version is not None
    return version / "manifest.json"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format_version": 3}'])
def test_a_corrupted_manifest_is_refused(folder: Path, db: Path, content: str) -> None:
    build(folder, db)
    manifest_file(db).write_text(content)
    with pytest.raises(IndexCorruptError, match="manifest"):
        open_index(db, HashEmbedder())
    assert build(folder, db).changed
    open_index(db, HashEmbedder())[0].close()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x82", b"../versions\n", b"gone\n"])
def test_a_damaged_pointer_is_no_index_until_the_next_build(
    folder: Path, db: Path, content: bytes
) -> None:
    build(folder, db)
    (db / "current").write_bytes(content)
    with pytest.raises((IndexNotFoundError, IndexCorruptError)):
        open_index(db, HashEmbedder())
    assert build(folder, db).embedded == 0
    open_index(db, HashEmbedder())[0].close()


@pytest.mark.parametrize("content", [b"", b"\x82", b'["notes/a.md", [', b"[]\n"])
def test_a_damaged_file_of_chunks_stops_the_next_build_with_the_command(
    folder: Path, db: Path, content: bytes
) -> None:
    build(folder, db)
    manifest_file(db).with_name("chunks.jsonl").write_bytes(content)
    (folder / "new.md").write_text("# New\n\nSomething new.\n")
    with pytest.raises(IndexCorruptError, match="--rebuild"):
        build(folder, db)
    open_index(db, HashEmbedder())[0].close()
    assert build(folder, db, rebuild=True).chunks


def test_a_chunk_that_is_lost_from_the_file_of_chunks_stops_the_next_build(
    folder: Path, db: Path
) -> None:
    build(folder, db)
    file = manifest_file(db).with_name("chunks.jsonl")
    documents = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    max(documents, key=len).pop()
    file.write_text("".join(json.dumps(each) + "\n" for each in documents), "utf-8")
    (folder / "new.md").write_text("# New\n\nSomething new.\n")
    with pytest.raises(IndexCorruptError, match="--rebuild"):
        build(folder, db)
    open_index(db, HashEmbedder())[0].close()


def test_an_older_format_is_refused(folder: Path, db: Path) -> None:
    build(folder, db)
    content = json.loads(manifest_file(db).read_text())
    manifest_file(db).write_text(json.dumps({**content, "format_version": 0}))
    with pytest.raises(IndexMismatchError, match="format 0"):
        open_index(db, HashEmbedder())


def test_vectors_that_are_gone_are_noticed(folder: Path, db: Path) -> None:
    build(folder, db)
    (manifest_file(db).parent / "chroma.sqlite3").unlink()
    with pytest.raises(IndexCorruptError):
        open_index(db, HashEmbedder())


def test_rebuild_forgets_everything(folder: Path, db: Path) -> None:
    build(folder, db)
    report = build(folder, db, rebuild=True)
    assert report.embedded > 0


class Interrupting(HashEmbedder):
    """Is interrupted after a few texts, as by Ctrl-C."""

    def _encode_batches(self, texts):  # type: ignore[no-untyped-def]
        for number, batch in enumerate(super()._encode_batches(texts)):
            if number == 2:
                raise KeyboardInterrupt
            yield batch


@pytest.mark.parametrize("kept", [0, 100, 4096])
def test_a_damaged_file_of_vectors_is_begun_anew(
    folder: Path, db: Path, kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    chunks = build(folder, db).chunks
    (file,) = (db / "embeddings").glob("*.sqlite")
    whole = file.read_bytes()
    file.write_bytes(whole[:kept] + b"\xff" * (len(whole) - kept))
    (folder / "new.md").write_text("# New\n\nwords\n", encoding="utf-8")
    report = build(folder, db)
    assert report.chunks == report.embedded == chunks + 1
    assert "is damaged" in caplog.text
    assert not build(folder, db).changed


def test_only_what_has_no_vector_yet_is_progress(folder: Path, db: Path) -> None:
    chunks = build(folder, db).chunks
    for name in ("current", "versions"):
        (db / name).rename(db / f"{name} before")
    for number in range(4):
        (folder / f"n{number}.md").write_text(f"# New {number}\n\nwords\n", encoding="utf-8")
    told: list[tuple[int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, unit: str, *, at: str = "") -> None:
        if stage == "embed":
            assert (unit, at) == ("chunks", "docs")
            told.append((done, total))

    report = build_index(
        [Source("docs", folder=folder)],
        lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
        db,
        HashEmbedder(),
        BuildPlan(200, FileRules(100_000), window_chunks=1),
        progress,
    )
    assert (report.chunks, report.embedded) == (chunks + 4, 4)
    assert told[-1] == (4, 4)
    assert all(done <= (total or 0) for done, total in told)


def test_what_was_embedded_survives_an_interruption(folder: Path, db: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build(folder, db, Interrupting())
    with pytest.raises(IndexNotFoundError):
        open_index(db, HashEmbedder())
    report = build(folder, db)
    assert report.embedded == report.chunks - 2
