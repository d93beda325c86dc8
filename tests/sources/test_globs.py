"""Which paths are wanted."""

from __future__ import annotations

import pytest

from assistant.documents import Source
from assistant.sources.globs import Globs, Verdict

REQUIREMENTS, VOCABULARY = Verdict.REQUIREMENTS, Verdict.VOCABULARY
WANTED, NOT_MATCHED = Verdict.WANTED, Verdict.NOT_MATCHED


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("README.md", WANTED),
        ("docs/a/b/深 入.md", WANTED),
        ("-x\n'y\"/a\nb.md", WANTED),
        ("docs/list.txt", WANTED),
        ("requirements.md", WANTED),
        ("docs/merges.md", WANTED),
        ("docs/vocabulary_notes.md", WANTED),
        ("a.py", NOT_MATCHED),
        ("a.md/b", NOT_MATCHED),
        (".github/a.md", NOT_MATCHED),
        ("x/.cache/y/a.md", NOT_MATCHED),
        (".github/requirements.txt", NOT_MATCHED),
        (".hidden.md", WANTED),
        ("requirements.txt", REQUIREMENTS),
        ("docs/requirements_cuda.txt", REQUIREMENTS),
        ("requirements/docs.txt", REQUIREMENTS),
        ("test-requirements.txt", REQUIREMENTS),
        ("constraints-py310.txt", REQUIREMENTS),
        ("src/CMakeLists.txt", REQUIREMENTS),
        ("model/merges.txt", VOCABULARY),
        ("vocab.txt", VOCABULARY),
        ("bert_vocab.txt", VOCABULARY),
        ("vocab-zh.txt", VOCABULARY),
    ],
)
def test_default_globs(path: str, verdict: Verdict) -> None:
    assert Globs(Source("a")).judge(path) is verdict


def test_lists_are_told_apart_without_any_exclude() -> None:
    globs = Globs(Source("a", exclude=()))
    assert globs.judge("requirements.txt") is REQUIREMENTS
    assert globs.judge(".github/a.md") is WANTED


@pytest.mark.parametrize(
    ("glob", "matches", "others"),
    [
        ("*.md", ["a.md"], ["b/a.md"]),
        ("docs/**/*.md", ["docs/a.md", "docs/b/c/a.md"], ["a.md", "x/docs/a.md"]),
        ("docs/*/a.md", ["docs/x/a.md"], ["docs/a.md", "docs/x/y/a.md"]),
        ("docs/**", ["docs/a", "docs/b/c"], ["docs2/a", "a/docs/x"]),
        ("**/[ab]?.md", ["a1.md", "x/b2.md"], ["c1.md", "a.md"]),
        ("!a.md", ["!a.md"], ["a.md"]),
        ("#a.md", ["#a.md"], ["a.md"]),
        ("**/*.{md,rst}", ["a.md", "b/a.rst"], ["a.txt"]),
        ("**/*.MD", ["a.MD"], ["a.md"]),
    ],
)
def test_globs(glob: str, matches: list[str], others: list[str]) -> None:
    globs = Globs(Source("a", include=(glob,), exclude=()))
    assert [globs.judge(path) for path in matches] == [WANTED] * len(matches)
    assert [globs.judge(path) for path in others] == [NOT_MATCHED] * len(others)


def test_no_include_wants_nothing() -> None:
    assert Globs(Source("a", include=(), exclude=())).judge("a.md") is NOT_MATCHED


def test_excluded_folders() -> None:
    globs = Globs(Source("a", exclude=("**/.*/**", "build/**", "docs/*.md")))
    assert globs.excludes_folder("x/.venv")
    assert globs.excludes_folder("build")
    assert not globs.excludes_folder("docs")
    assert not globs.excludes_folder("x/build")
