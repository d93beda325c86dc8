"""Which files of the sources are new, the same, or not to be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assistant.documents import Source
from assistant.errors import GONE, SourceError, SourceUnreachableError
from assistant.index.manifest import FileEntry, Manifest, SourceEntry
from assistant.indexing.survey import FileRules, Survey, survey
from assistant.progress import Progress, silent
from assistant.sources import Checkout, fetch

RULES = FileRules(1000)


@pytest.fixture
def docs(tmp_path: Path) -> Source:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("Page a.")
    (folder / "b.md").write_text("Page b.")
    return Source("docs", folder=folder)


def look(source: Source, before: Manifest | None = None, rules: FileRules = RULES) -> Survey:
    def fetched(source: Source, progress: Progress) -> Checkout:
        return fetch(source, folder=Path("nowhere"), timeout_seconds=5)

    return survey([source], fetched, before, rules, silent)


def manifest_of(found: Survey) -> Manifest:
    files = {address: FileEntry(seen, 1) for address, seen in found.fingerprints.items()}
    outcome = found.outcomes[0]
    entry = SourceEntry(outcome.commit, outcome.link, outcome.origins, len(files), len(files))
    return Manifest("e", 2, {}, len(files), {outcome.name: entry}, files)


def test_what_the_index_has_is_the_same_and_the_rest_is_fresh(docs: Source) -> None:
    first = look(docs)
    assert [file.path for file in first.fresh] == ["a.md", "b.md"]
    assert docs.folder
    (docs.folder / "b.md").write_text("Another b.")
    found = look(docs, manifest_of(first))
    assert (found.same, [file.path for file in found.fresh]) == (["docs/a.md"], ["b.md"])


def test_rules_say_what_is_read(docs: Source) -> None:
    assert docs.folder
    (docs.folder / "c.py").write_text("print()")
    (docs.folder / "d.md").write_text("d" * 2000)
    docs = replace(docs, include=("**/*",))
    assert look(docs).skipped == {
        "docs/c.py": "Python file",
        "docs/d.md": "larger than the limit",
    }
    assert look(docs, rules=FileRules(5000, python_sources=True)).skipped == {}


@pytest.mark.parametrize(("reason", "again"), [("no text", False), (GONE, True)])
def test_what_was_read_in_vain_is_read_again_if_the_reason_may_pass(
    docs: Source, reason: str, again: bool
) -> None:
    first = look(docs)
    before = replace(
        manifest_of(first),
        files={},
        chunks=0,
        skipped={"docs/a.md": reason},
        unread={"docs/a.md": first.fingerprints["docs/a.md"]},
    )
    found = look(docs, before)
    assert ("a.md" in [file.path for file in found.fresh]) == again
    assert found.skipped == ({} if again else {"docs/a.md": reason})


def test_a_source_that_is_away_keeps_what_the_index_has_of_it(docs: Source) -> None:
    before = manifest_of(look(docs))

    def away(source: Source, progress: Progress) -> Checkout:
        raise SourceUnreachableError(f"{source.name} is away", expected="it", action="Wait.")

    with pytest.raises(SourceError):
        survey([docs], away, before, RULES, silent)
    other = replace(docs, name="other")

    def one_away(source: Source, progress: Progress) -> Checkout:
        assert source.folder
        return Checkout(source, source.folder, "") if source is other else away(source, progress)

    assert docs.folder
    found = survey([docs, other], one_away, before, RULES, silent)
    assert [(o.name, o.status) for o in found.outcomes] == [("docs", "kept"), ("other", "ok")]
    assert found.same == ["docs/a.md", "docs/b.md"]
    moved = replace(docs, folder=docs.folder.with_name("elsewhere"))
    found = survey([moved, other], one_away, before, RULES, silent)
    assert [(o.name, o.status) for o in found.outcomes] == [("docs", "failed"), ("other", "ok")]
    assert found.same == []
