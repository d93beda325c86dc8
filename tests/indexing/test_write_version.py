"""Writing a version beside the one in use, and switching to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.documents import Source
from assistant.index import Manifest
from assistant.index.versions import current_version, switch_to
from assistant.indexing.build_report import Written
from assistant.indexing.job import BuildPlan, Job
from assistant.indexing.survey import FileRules, survey
from assistant.indexing.write_version import write_version
from assistant.progress import Progress, silent
from assistant.sources import Checkout
from tests.fakes import HashEmbedder
from tests.sample_index import PAGES, write_pages

PLAN = BuildPlan(40, FileRules(10_000), workers=0)


def write(
    folder: Path, pages: dict[str, str] | None = None, commit: str = "", **options: object
) -> Written:
    """Write the version that holds the pages into `folder`/db."""
    sources = write_pages(folder / "pages", pages or PAGES)
    version = current_version(folder / "db")
    before = Manifest.read(version) if version else None

    def fetch(source: Source, progress: Progress) -> Checkout:
        assert source.folder
        return Checkout(source, source.folder, commit)

    found = survey(sources, fetch, before, PLAN.files, silent)
    job = Job(folder / "db", HashEmbedder(), PLAN, silent, version, before)
    return write_version(job, found, **options)  # type: ignore[arg-type]


def version_in(folder: Path) -> Path:
    version = current_version(folder / "db")
    assert version is not None
    return version


def test_what_was_written_is_told(tmp_path: Path) -> None:
    first = write(tmp_path)
    assert first.changed
    assert first.counts.keys() == PAGES.keys()
    assert first.embedded == sum(first.counts.values())
    again = write(tmp_path)
    assert again == Written(first.counts)
    (tmp_path / "pages" / "xtuner" / "README.md").unlink()
    less = {address: text for address, text in PAGES.items() if address != "xtuner/README.md"}
    assert write(tmp_path, less) == Written(
        {address: first.counts[address] for address in less},
        deleted=first.counts["xtuner/README.md"],
        changed=True,
    )


def test_a_new_commit_alone_copies_the_version(tmp_path: Path) -> None:
    write(tmp_path)
    before = version_in(tmp_path)
    written = write(tmp_path, commit="abc")
    assert (written.changed, written.embedded, written.deleted) == (True, 0, 0)
    after = version_in(tmp_path)
    assert after != before
    assert {entry.commit for entry in Manifest.read(after).sources.values()} == {"abc"}
    names = {file.name for file in before.iterdir()}
    assert {file.name for file in after.iterdir()} == names
    for name in ("chunks.jsonl", "vectors.npy", "documents.sqlite"):
        assert (after / name).read_bytes() == (before / name).read_bytes()


@pytest.mark.parametrize("before_switch", [True, False])
def test_an_interruption_leaves_what_is_in_use(tmp_path: Path, before_switch: bool) -> None:
    write(tmp_path)
    before = version_in(tmp_path)

    def interrupted(db_folder: Path, version: Path) -> None:
        if not before_switch:
            switch_to(db_folder, version)
        raise KeyboardInterrupt

    more = {**PAGES, "lagent/new.md": "# New\n\nA page.\n"}
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, more, switch=interrupted)
    assert (version_in(tmp_path) == before) == before_switch
    assert len(list((tmp_path / "db" / "versions").iterdir())) == (1 if before_switch else 2)
    assert write(tmp_path, more).changed == before_switch
