"""A whole build over two hundred files that are broken or mean harm, and one good page."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from assistant.documents import Source
from assistant.index import open_version
from assistant.indexing import BuildReport
from assistant.indexing.build import build_index
from assistant.indexing.job import BuildPlan
from assistant.indexing.survey import FileRules
from assistant.retriever.candidates import candidates
from assistant.retriever.passages import Passages
from assistant.sources import fetch
from tests.fakes import HashEmbedder
from tests.loaders.test_hostile_files import _DEEP, _DOCUMENTS, _UNITS, repeated
from tests.opened import chunks_in

ENCODINGS = ["gbk", "gb18030", "big5", "utf-16", "utf-16-be", "utf-32", "utf-7", "shift-jis"]
SKIPPED_REASONS = {
    *(
        "binary",
        "damaged",
        "empty",
        "empty file",
        "no text",
        "nested too deeply",
        "not a regular file",
    ),
    *("broken symbolic link", "symbolic link out of the source", "larger than the limit"),
    *("takes too much memory", "too slow", "unpacks too large", "vocabulary list"),
    *("requirements or build list", "Python file", "not readable", "cannot be read"),
}
SUFFIXES = ("md", "rst", "txt", "py", "ipynb", "html", "docx", "pptx", "epub", "pdf")
LIMIT = 400_000
ODD = [*range(0x20, 0x7F), *range(0x5B, 0x61), 0x0A, 0x0A, 0x4E2D, 0x200B, 0x202E, 0x1F600, 0x85]
GOOD = "A zebra crossing has black and white stripes."


def write(folder: Path, path: str, content: str | bytes) -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    write(folder, "good.md", f"# Zebra crossing\n\n{GOOD}\n")
    for number, unit in enumerate(_UNITS):
        write(folder, f"units/{number}.md", repeated(unit)[:20_000])
    for name, content in _DEEP.items():
        write(folder, f"deep/{name}", content)
    for number, (name, (path, make, _)) in enumerate(_DOCUMENTS.items()):
        if name == "a PDF that swells":  # it takes as long as a file may
            continue
        write(folder, f"documents/{number}/{path}", make())
    for encoding in ENCODINGS:
        text = "# 标题\n\n文字 と かな text\n" * 20
        write(folder, f"encodings/{encoding}.md", text.encode(encoding, errors="replace"))
    chance = random.Random(4)
    for number in range(20):
        write(folder, f"random/{number}.md", chance.randbytes(2000))
        text = "".join(chr(chance.choice(ODD)) for _ in range(3000))
        write(folder, f"odd/{number}.md", text)
    write(folder, "line.md", "x" * 1_000_000)
    write(folder, "nothing.md", "")
    write(folder, "nul.md", "a\0b" * 100)
    write(folder, "half.md", "汉字".encode()[:-1] * 50)
    if sys.platform != "win32":
        write(folder, "names/%00 %2e%2e ;rm -rf 'x' \"y\" $(z).md", "# A name\n\nWords under it.\n")
        os.mkfifo(folder / "pipe.md")
        (folder / "passwd.md").symlink_to("/etc/passwd")
        (folder / "loop.md").symlink_to("loop.md")
        (folder / "above").symlink_to("..")
    return folder


@pytest.fixture(scope="module", params=[0, 2], ids=["in a thread", "in two processes"])
def built(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, BuildReport]:
    db = tmp_path_factory.mktemp("db")
    report = build_index(
        [
            Source(
                "docs",
                folder=folder,
                include=tuple(f"**/*.{name}" for name in SUFFIXES),
                exclude=(),
            )
        ],
        lambda source, _: fetch(source, folder=db / "repos", timeout_seconds=5),
        db,
        HashEmbedder(),
        BuildPlan(120, FileRules(LIMIT, python_sources=True), workers=request.param),
    )
    return db, report


def test_every_file_is_in_the_index_or_skipped_with_a_reason(
    built: tuple[Path, BuildReport], folder: Path
) -> None:
    db, report = built
    opened = open_version(db, HashEmbedder())
    manifest = opened.manifest
    files = {
        f"docs/{place.relative_to(folder).as_posix()}"
        for place in folder.rglob("*")
        if not place.is_dir() or place.is_symlink()
    }
    assert len(files) >= 200
    assert {*manifest.files, *manifest.skipped} == files
    assert not manifest.files.keys() & manifest.skipped.keys()
    assert set(manifest.skipped.values()) <= SKIPPED_REASONS
    assert sum(report.skipped.values()) == len(manifest.skipped) >= 20
    assert len(manifest.files) > 60
    assert manifest.skipped["docs/passwd.md"] == "symbolic link out of the source"
    assert manifest.skipped["docs/line.md"] == "larger than the limit"
    opened.close()


def test_the_good_page_is_found(built: tuple[Path, BuildReport]) -> None:
    embedder = HashEmbedder()
    opened = open_version(built[0], embedder)
    vector = embedder.encode_queries([f"docs > Zebra crossing\n{GOOD}"])[0]
    # Thousands of equal vectors cut Chroma's graph apart.
    found = candidates(Passages([opened]), "zebra crossing", vector)
    assert opened.keywords.file(int(found.dense[0])) == ("docs", "good.md")
    assert found.similarity > 0.9
    texts = [chunk.text for chunk in chunks_in(opened.store)]
    assert not any("root:x:" in text for text in texts)  # of /etc/passwd
    opened.close()
