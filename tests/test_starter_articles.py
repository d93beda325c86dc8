"""The articles that come with the project: form, sources, and twins that agree."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

FOLDER = Path(__file__).parent.parent / "knowledge" / "starter"
ARTICLES = sorted(FOLDER.glob("*.md"))
CHINESE = [file for file in ARTICLES if file.name.endswith(".zh.md")]
ENGLISH = [file for file in ARTICLES if file.name.endswith(".en.md")]
MAX_BYTES = 4000
HEADINGS = range(2, 6)
FENCE = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
SOURCE_PATH = re.compile(r"/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/.+")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.(zh|en)\.md")


def parts(file: Path) -> tuple[dict[str, str], str]:
    """Front matter as key -> value, and the text below it."""
    opening, matter, body = file.read_bytes().decode("utf-8").split("---\n", 2)
    assert opening == ""
    return dict(line.split(": ", 1) for line in matter.splitlines()), body


def name_of(file: Path) -> str:
    return file.name


def twin(file: Path) -> Path:
    return file.with_name(file.name.replace(".en.md", ".zh.md"))


def repository(file: Path) -> list[str]:
    """Owner, name and commit of the source."""
    owner, name, _, commit = urlsplit(parts(file)[0]["source"]).path.split("/")[1:5]
    return [owner, name, commit]


def test_enough_articles() -> None:
    assert len(CHINESE) >= 24
    assert 2 * len(ENGLISH) >= len(CHINESE)
    assert len(CHINESE) + len(ENGLISH) == len(ARTICLES)


def test_all_six_tools_have_articles() -> None:
    assert {repository(file)[1] for file in CHINESE} == {
        "InternLM",
        "lmdeploy",
        "xtuner",
        "opencompass",
        "lagent",
        "InternLM-XComposer",
    }


def test_titles_differ() -> None:
    titles = [parts(file)[0]["title"] for file in ARTICLES]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("file", ARTICLES, ids=name_of)
def test_front_matter(file: Path) -> None:
    matter, _ = parts(file)
    assert NAME.fullmatch(file.name)
    assert set(matter) == {"title", "language", "source", "date"}
    assert matter["language"] == file.name.split(".")[1]
    source = urlsplit(matter["source"])
    assert (source.scheme, source.netloc) == ("https", "github.com")
    assert SOURCE_PATH.fullmatch(source.path)
    assert datetime.date.fromisoformat(matter["date"]).isoformat() == matter["date"]
    assert ": " not in matter["title"], "a YAML reader would take this for a key"


@pytest.mark.parametrize("file", ARTICLES, ids=name_of)
def test_text(file: Path) -> None:
    matter, body = parts(file)
    prose = FENCE.sub("", body)
    assert prose.startswith(f"\n# {matter['title']}\n")
    assert len(re.findall(r"^## ", prose, re.MULTILINE)) in HEADINGS
    assert "```" not in prose, "a fence without a language or without an end"
    assert body.endswith("\n")
    assert not body.endswith("\n\n")


@pytest.mark.parametrize("file", ARTICLES, ids=name_of)
def test_size_and_encoding(file: Path) -> None:
    content = file.read_bytes()
    assert len(content) <= MAX_BYTES
    assert not content.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in content


@pytest.mark.parametrize("file", ARTICLES, ids=name_of)
def test_language_is_what_it_says(file: Path) -> None:
    prose = FENCE.sub("", parts(file)[1])
    chinese = len(re.findall(r"[\u4e00-\u9fff]", prose))
    if file in CHINESE:
        assert chinese >= 150
    else:
        assert chinese <= 10


@pytest.mark.parametrize("file", ENGLISH, ids=name_of)
def test_twins_agree(file: Path) -> None:
    assert twin(file) in CHINESE
    (matter, body), (other_matter, other_body) = parts(file), parts(twin(file))
    assert FENCE.findall(body) == FENCE.findall(other_body)
    assert repository(file) == repository(twin(file))
    assert matter["date"] == other_matter["date"]
    assert body.count("\n## ") == other_body.count("\n## ")
