"""What a version says about itself, also where somebody or something has changed it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from assistant.documents import Source
from assistant.errors import IndexCorruptError, IndexMismatchError, SourceUnreachableError
from assistant.index import LiveIndex, Manifest
from assistant.index.chunk_links import filled_in
from assistant.index.manifest import FileEntry, SourceEntry
from assistant.indexing.survey import FileRules, survey
from assistant.progress import Progress, silent
from assistant.reports.index_page import report_page
from assistant.sources import Checkout
from tests.builders import make_chunk
from tests.fakes import HashEmbedder
from tests.sample_index import build_pages, write_pages

MUTATIONS = 400
VALUES: list[Any] = [None, True, -1, 3, 0.5, "", "x", "\ud83d", [], {}, [1], {"a": 1}, [[]]]
MANIFEST = Manifest(
    embedder="hash:64",
    dimension=64,
    splitting={"chunk_tokens": 40},
    chunks=3,
    sources={"docs": SourceEntry("abc", "https://x/{path}", ("0f",), 2, 3)},
    files={"docs/a.md": FileEntry("f1", 2), "docs/\u4e2d.md": FileEntry("f2", 1)},
    skipped={"docs/c.md": "no text"},
    unread={"docs/c.md": "f3"},
    calibration={"threshold": 0.5},
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    MANIFEST.write(tmp_path)
    assert Manifest.read(tmp_path) == MANIFEST
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]
    assert MANIFEST.searchable == ["docs"]


def places(content: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a JSON document."""
    keys = content if isinstance(content, dict) else range(len(content))
    found = []
    for key in keys:
        found.append((*at, key))
        if isinstance(content[key], dict | list):
            found += places(content[key], (*at, key))
    return found


def mutated(content: Any, chance: random.Random) -> Any:
    """A copy with one value gone, replaced or moved under another name."""
    content = json.loads(json.dumps(content))
    *way, key = chance.choice(places(content))
    inner = content
    for step in way:
        inner = inner[step]
    kind = chance.choice(["remove", "replace", "rename"])
    if kind == "replace":
        inner[key] = chance.choice(VALUES)
    else:
        value = inner.pop(key)
        if kind == "rename" and isinstance(inner, dict):
            inner[f"{key}x"] = value
    return content


def test_a_mutated_manifest_is_refused_or_harmless(tmp_path: Path) -> None:
    """Whatever is changed: refused with what to do, or everything that reads it works."""
    build_pages(tmp_path)
    sources = write_pages(tmp_path / "pages")
    live = LiveIndex(tmp_path / "db", HashEmbedder(dimension=512))
    with live.current() as version:
        file = version.folder / "manifest.json"
    live.close()
    whole = file.read_text("utf-8")
    content = json.loads(whole)
    chance = random.Random(20261128)
    refused = 0
    for _ in range(MUTATIONS):
        file.write_text(json.dumps(mutated(content, chance)), "utf-8")
        try:
            manifest = Manifest.read(file.parent)
        except (IndexCorruptError, IndexMismatchError) as error:
            assert "build_index.py" in str(error)
            refused += 1
            continue
        report_page(manifest, [], [], [])  # type: ignore[arg-type]
        use(manifest, sources)
    assert MUTATIONS / 3 < refused < MUTATIONS


def use(manifest: Manifest, sources: list[Source]) -> None:
    """Whatever a build and a page take from a manifest."""

    def one_away(source: Source, progress: Progress) -> Checkout:
        if source.name == "lmdeploy":
            raise SourceUnreachableError("away", expected="it", action="Wait.")
        assert source.folder
        return Checkout(source, source.folder, "")

    survey(sources, one_away, manifest, FileRules(10_000), silent)
    for name in manifest.sources:
        filled_in(make_chunk(source=name), manifest.sources)
    assert all(manifest.sources[name].commit is not None for name in manifest.searchable)


@pytest.mark.parametrize("cut", range(0, 400, 37))
def test_half_a_manifest_is_refused(tmp_path: Path, cut: int) -> None:
    MANIFEST.write(tmp_path)
    file = tmp_path / "manifest.json"
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(IndexCorruptError, match="--rebuild"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("way", "value", "told"),
    [
        (["sources", "docs", "chunks"], "3", r"sources\.docs\.chunks"),
        (["sources", "docs"], {}, r"sources\.docs\.commit"),
        (["files", "docs/a.md", "chunks"], 7, "its files have 8 chunks"),
        (["skipped"], {}, r"no reason for skipping docs/c\.md"),
    ],
)
def test_it_is_told_what_is_wrong(tmp_path: Path, way: list[str], value: Any, told: str) -> None:
    MANIFEST.write(tmp_path)
    file = tmp_path / "manifest.json"
    content = json.loads(file.read_text("utf-8"))
    inner = content
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(IndexCorruptError, match=told):
        Manifest.read(tmp_path)


def test_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(IndexCorruptError):
        Manifest.read(tmp_path)
