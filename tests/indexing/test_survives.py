"""Full disks, forbidden folders, Ctrl-C, and versions that are read while builds write."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.documents import Source, SourceFile
from assistant.errors import (
    IndexCorruptError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexWriteError,
)
from assistant.index import Manifest, open_version
from assistant.index.manifest import SEARCH_VERSION
from assistant.index.versions import current_version
from assistant.indexing import BuildReport
from assistant.indexing.build import build_index
from assistant.indexing.job import BuildPlan
from assistant.indexing.parsing import FileParser, Parsed
from assistant.indexing.survey import FileRules
from assistant.keywords.words import WORDS_VERSION
from assistant.sources import fetch
from tests.fakes import HashEmbedder
from tests.opened import chunks_in, open_index

PROJECT = Path(__file__).resolve().parents[2]


def build(folder: Path, db: Path, **options: object) -> BuildReport:
    return build_index(
        [Source("docs", folder=folder)],
        lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
        db,
        HashEmbedder(),
        BuildPlan(60, FileRules(10_000_000), **options),  # type: ignore[arg-type]
    )


def write_pages(folder: Path, count: int, words: int = 40, mark: str = "") -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        text = " ".join(f"w{number}x{word}{mark}" for word in range(words))
        (folder / f"p{number}.md").write_text(f"# Page {number}\n\n{text}\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pages(tmp_path / "docs", 3)
    return tmp_path / "docs"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB, where the system lets us have one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("no mount command")
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def count_at(db: Path) -> int:
    store, manifest = open_index(db, HashEmbedder())
    assert len(store) == manifest.chunks
    store.close()
    return manifest.chunks


def test_a_full_disk_is_said_and_the_old_index_answers(small_disk: Path, tmp_path: Path) -> None:
    folder, db = tmp_path / "docs", small_disk / "db"
    write_pages(folder, 3)
    before = build(folder, db).chunks
    write_pages(folder, 600, 60)
    with pytest.raises(IndexWriteError, match="free space") as caught:
        build(folder, db)
    assert "unchanged" in str(caught.value)
    assert count_at(db) == before
    for file in folder.glob("p*.md"):
        if int(file.stem[1:]) > 4:
            file.unlink()
    assert build(folder, db).chunks > before  # what the failed build left was cleared away


def test_a_disk_that_became_read_only(small_disk: Path, tmp_path: Path) -> None:
    folder, db = tmp_path / "docs", small_disk / "db"
    write_pages(folder, 3)
    before = build(folder, db).chunks
    command = ["mount", "-n", "-o", "remount,ro,size=3m", "-t", "tmpfs", "tmpfs", str(small_disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("remounting is not allowed here")
    write_pages(folder, 5)
    with pytest.raises(IndexWriteError, match="permission"):
        build(folder, db)
    assert count_at(db) == before


def test_a_limit_on_file_size_is_like_a_full_disk(folder: Path, tmp_path: Path) -> None:
    db = tmp_path / "db"
    before = build(folder, db).chunks
    write_pages(folder, 300, 60)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, old[1]))
    try:
        with pytest.raises(IndexWriteError):
            build(folder, db)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert count_at(db) == before
    assert build(folder, db).chunks > before


def test_a_folder_that_cannot_be_made(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(IndexWriteError, match="cannot be written"):
        build(folder, tmp_path / "file" / "db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(folder: Path, tmp_path: Path) -> None:
    db = tmp_path / "db"
    build(folder, db)
    write_pages(folder, 5)
    (db / "versions").chmod(0o500)
    with pytest.raises(IndexWriteError, match="permission"):
        build(folder, db)
    (db / "versions").chmod(0o700)
    count_at(db)


def test_what_a_killed_build_left_is_removed(folder: Path, tmp_path: Path) -> None:
    db = tmp_path / "db"
    build(folder, db)
    half = db / "versions" / "abcdef"
    half.mkdir()
    (half / "chroma.sqlite3").write_bytes(b"half")
    (db / "current.partial").write_text("abcdef")
    assert not build(folder, db).changed
    assert not half.exists()
    assert not (db / "current.partial").exists()


INTERRUPTED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {project!r})
from assistant.commands.command_line import run
from tests.indexing.test_kills import SlowEmbedder
from assistant.documents import Source
from assistant.keywords import KeywordIndex
from assistant.sources import fetch
from assistant.indexing.build import build_index
from assistant.indexing.job import BuildPlan
from assistant.indexing.survey import FileRules

def main():
    def progress(stage, done, total, unit, *, at=""):
        if stage == "embed" and done > 3:
            print("embedding", flush=True)
    build_index([Source("docs", folder=Path({folder!r}))],
        lambda source, _: fetch(source, folder=Path({db!r}) / "repos", timeout_seconds=5),
        Path({db!r}), SlowEmbedder(), BuildPlan(60, FileRules(10**7), workers=2),
        progress)
    return 0

if __name__ == "__main__":
    run(main)
"""


def test_ctrl_c_ends_the_build_within_two_seconds(tmp_path: Path) -> None:
    folder, db = tmp_path / "docs", tmp_path / "db"
    write_pages(folder, 150, 100)
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED.format(project=str(PROJECT), folder=str(folder), db=str(db)))
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "embedding\n"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert time.monotonic() - started < 2
    words = process.stderr.read()
    assert "Interrupted." in words
    assert "Traceback" not in words
    report = build(folder, db)
    assert 0 < report.embedded < report.chunks  # goes on from there


def test_where_the_version_in_use_is_lost_the_one_before_answers(
    folder: Path, tmp_path: Path
) -> None:
    db = tmp_path / "db"
    before = build(folder, db).chunks
    write_pages(folder, 5)
    after = build(folder, db).chunks
    version = current_version(db)
    assert version is not None
    shutil.rmtree(version)
    assert count_at(db) == before
    build(folder, db)
    assert count_at(db) == after


def test_a_copy_that_fails_leaves_no_half_of_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "db"
    before = build(folder, db).chunks
    (folder / "more.md").write_text("# More\n\nwords\n")

    def full(source: Path, target: Path, **_options: object) -> None:
        target.mkdir()
        (target / "half").write_text("")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", full)
        with pytest.raises(IndexWriteError, match="free space"):
            build(folder, db)
    assert len(list((db / "versions").iterdir())) == 1
    assert count_at(db) == before


def test_a_file_that_was_away_for_a_moment_is_read_by_the_next_build(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, page = tmp_path / "db", folder / "p1.md"

    def parse(parser: FileParser, file: SourceFile) -> Parsed:
        if file.location == page:
            page.rename(folder / "away")
            try:
                return real_parse(parser, file)
            finally:
                (folder / "away").rename(page)
        return real_parse(parser, file)

    real_parse = FileParser.parse
    with monkeypatch.context() as patch:
        patch.setattr(FileParser, "parse", parse)
        assert build(folder, db).skipped == {"not readable": 1}
        version = current_version(db)
        report = build(folder, db)  # away again: tried again, and nothing is written
        assert (report.changed, report.skipped) == (False, {"not readable": 1})
        assert current_version(db) == version
        assert list((db / "versions").iterdir()) == [version]
    report = build(folder, db)
    assert (report.changed, report.skipped, report.files) == (True, {}, 3)


def test_worker_processes_make_the_same_index(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    write_pages(folder, 60, 80)
    (folder / "empty.md").write_text("![](only-a-picture.png)\n")
    reports = [build(folder, tmp_path / str(n), workers=n, window_chunks=16) for n in (0, 2)]
    assert reports[0].chunks == reports[1].chunks > 60
    assert reports[0].skipped == reports[1].skipped != {}
    manifests = [Manifest.read(current_version(tmp_path / n)) for n in ("0", "2")]  # type: ignore[arg-type]
    assert manifests[0] == manifests[1]


def test_an_app_that_is_builds_behind_keeps_its_version(folder: Path, tmp_path: Path) -> None:
    db, embedder = tmp_path / "db", HashEmbedder()
    build(folder, db)
    opened = open_version(db, embedder)
    for pages in (4, 5, 6):
        write_pages(folder, pages)
        build(folder, db)
    assert opened.folder.is_dir()
    assert len(opened.store) == opened.manifest.chunks
    opened.close()
    write_pages(folder, 7)
    build(folder, db)
    assert not opened.folder.exists()


def test_a_new_commit_costs_no_vectors(folder: Path, tmp_path: Path) -> None:
    """Chunks of a repository follow its commit without being written again."""
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    link = "https://example.org/blob/{commit}/{path}#L{start_line}-L{end_line}"
    source = Source("docs", git=(f"file://{folder}",), link=link)
    db = tmp_path / "db"
    commits = []
    for page in ("new.md", "newer.md"):
        (folder / page).write_text(f"# New\n\nSome words in {page}.\n")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", page], check=True)
        embedder = HashEmbedder()
        build_index(
            [source],
            lambda source, _: fetch(source, folder=tmp_path / "repos", timeout_seconds=20),
            db,
            embedder,
            BuildPlan(60, FileRules(10_000)),
        )
        store, manifest = open_index(db, HashEmbedder())
        commits.append(manifest.sources["docs"].commit)
        for chunk in chunks_in(store):
            assert chunk.commit == commits[-1]
            lines = f"#L{chunk.start_line}-L{chunk.end_line}"
            assert chunk.url == f"https://example.org/blob/{commits[-1]}/{chunk.path}{lines}"
        store.close()
    assert commits[0] != commits[1]
    assert embedder.encoded == 1


def test_search_files_of_another_version_are_written_anew_without_embedding(
    folder: Path, tmp_path: Path
) -> None:
    assert SEARCH_VERSION.partition(".")[0] == str(WORDS_VERSION)
    db = tmp_path / "db"
    build(folder, db)
    version = current_version(db)
    assert version is not None
    replace(Manifest.read(version), search_version="older").write(version)
    (version / "vectors.npy").unlink()
    report = build(folder, db)
    assert (report.changed, report.embedded) == (True, 0)
    version = current_version(db)
    assert version is not None
    assert (version / "vectors.npy").is_file()
    assert not build(folder, db).changed


def test_another_format_is_refused_and_replaced_without_embedding(
    folder: Path, tmp_path: Path
) -> None:
    db = tmp_path / "db"
    report = build(folder, db)
    version = current_version(db)
    assert version is not None
    file = version / "manifest.json"
    file.write_text(file.read_text().replace('"format_version": 3', '"format_version": 2'))
    (version / "documents.sqlite").unlink()  # format 2 had none
    with pytest.raises(IndexMismatchError, match="format 2"):
        count_at(db)
    again = build(folder, db)
    assert (again.changed, again.chunks, again.embedded) == (True, report.chunks, 0)
    assert count_at(db) == report.chunks


def test_what_is_kept_for_searching_follows_the_chunks(folder: Path, tmp_path: Path) -> None:
    db = tmp_path / "db"
    build(folder, db)
    write_pages(folder, 8)
    (folder / "p0.md").unlink()
    build(folder, db)
    opened = open_version(db, HashEmbedder())
    assert sorted(opened.keywords.ids) == sorted(chunk.id for chunk in chunks_in(opened.store))
    opened.close()


def test_a_pointer_to_nowhere(folder: Path, tmp_path: Path) -> None:
    db = tmp_path / "db"
    build(folder, db)
    (db / "current").write_text("nowhere\n")
    with pytest.raises((IndexNotFoundError, IndexCorruptError), match="build_index"):
        open_version(db, HashEmbedder())
    assert build(folder, db).embedded == 0
    count_at(db)
