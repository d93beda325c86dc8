"""The sources file: what it may say, and where errors point."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.documents import Source
from assistant.errors import SourcesFileError
from assistant.settings import PROJECT_FOLDER
from assistant.sources import read_sources

VALID = """\
# What we read.
[[source]]
name = "handbook"
git = ["https://github.com/acme/handbook", "git@example.org:acme/handbook.git"]
revision = "release/v2"
include = [
  "**/*.md",
  "docs/**/*.pdf",
]
exclude = []
link = "https://github.com/acme/handbook/blob/{commit}/{path}#L{start_line}-L{end_line}"

[[source]]
name = "资料 2.0"
git = "file:///srv/git/handbook"
"""


def written(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "sources.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def error_for(tmp_path: Path, text: str | bytes) -> SourcesFileError:
    with pytest.raises(SourcesFileError) as caught:
        read_sources(written(tmp_path, text))
    assert caught.value.exit_code == 2
    assert caught.value.action
    return caught.value


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    first, second = read_sources(written(tmp_path, VALID))
    assert first == Source(
        "handbook",
        git=("https://github.com/acme/handbook", "git@example.org:acme/handbook.git"),
        revision="release/v2",
        include=("**/*.md", "docs/**/*.pdf"),
        exclude=(),
        link="https://github.com/acme/handbook/blob/{commit}/{path}#L{start_line}-L{end_line}",
    )
    assert second == Source("资料 2.0", git=("file:///srv/git/handbook",))


def test_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode()
    assert len(read_sources(written(tmp_path, content))) == 2


def test_our_own_sources_file() -> None:
    sources = read_sources(PROJECT_FOLDER / "knowledge" / "sources.toml")
    assert [source.name for source in sources] == [
        "InternLM",
        "lmdeploy",
        "xtuner",
        "opencompass",
        "lagent",
        "InternLM-XComposer",
        "starter",
    ]
    for source in sources[:-1]:
        assert [address.split("/")[2] for address in source.git] == ["github.com", "gitee.com"]
        assert source.link is not None
        assert source.link.startswith(source.git[0] + "/blob/")
    assert sources[-1].folder == PROJECT_FOLDER / "knowledge" / "starter"


def test_folders_beside_the_file_come_before_those_of_the_project(tmp_path: Path) -> None:
    text = '[[source]]\nname = "a"\nfolder = "docs"\n'
    (tmp_path / "docs").mkdir()
    assert read_sources(written(tmp_path, text))[0].folder == tmp_path / "docs"
    (tmp_path / "docs").rmdir()
    assert read_sources(written(tmp_path, text))[0].folder == PROJECT_FOLDER / "docs"
    elsewhere = text.replace("docs", "nowhere/at/all")
    assert read_sources(written(tmp_path, elsewhere))[0].folder == tmp_path / "nowhere/at/all"
    whole = text.replace("docs", str(tmp_path / "x"))
    assert read_sources(written(tmp_path, whole))[0].folder == tmp_path / "x"


SECOND = '\n# Another.\n[[source]]  # here\nname = "b"\n'


@pytest.mark.parametrize(
    ("added", "line", "key"),
    [
        (SECOND + 'folders = "x"\n', 15 + 5, "folders"),
        (SECOND + "git = 3\n", 20, "git"),
        (SECOND + 'git = ["https://a/b", 3]\n', 20, "git"),
        (SECOND + "git = []\n", 20, "git"),
        (SECOND + 'git = "--upload-pack=x"\n', 20, "git"),
        (SECOND + 'git = "github.com/acme/handbook"\n', 20, "git"),
        (SECOND + 'git = "https://a/b\\nc"\n', 20, "git"),
        (SECOND + 'git = "https://a/b"\n\nfolder = "x"\n', 22, "folder"),
        (SECOND, 18, "folder"),
        (SECOND + 'folder = ""\n', 20, "folder"),
        (SECOND + 'folder = "x"\nrevision = "main"\n', 21, "revision"),
        (SECOND + 'git = "https://a/b"\nrevision = "-x"\n', 21, "revision"),
        (SECOND + 'git = "https://a/b"\nrevision = 3\n', 21, "revision"),
        (SECOND + 'git = "https://a/b"\ninclude = "**/*.md"\n', 21, "include"),
        (SECOND + 'git = "https://a/b"\ninclude = []\n', 21, "include"),
        (SECOND + 'git = "https://a/b"\ninclude = ["/docs/**"]\n', 21, "include"),
        (SECOND + 'git = "https://a/b"\nexclude = ["docs/"]\n', 21, "exclude"),
        (SECOND + 'git = "https://a/b"\nexclude = [\n  "x",\n  3,\n]\n', 21, "exclude"),
        (SECOND + 'git = "https://a/b"\nlink = "https://a/{sha}"\n', 21, "link"),
        (SECOND + 'git = "https://a/b"\nlink = "https://a/{path!r}"\n', 21, "link"),
        (SECOND + 'git = "https://a/b"\nlink = "https://a/{path"\n', 21, "link"),
        (SECOND + 'git = "https://a/b"\nlink = "javascript:{path}"\n', 21, "link"),
        (SECOND + 'folder = "x"\nlink = "https://a/{commit}/{path}"\n', 21, "link"),
        ('\n[[source]]\ngit = "https://a/b"\n', 17, "name"),
        ('\n[[source]]\nname = "HANDBOOK"\ngit = "https://a/b"\n', 18, "name"),
        ('\n[[source]]\nname = "../x"\ngit = "https://a/b"\n', 18, "name"),
        ('\n[[source]]\nname = ".x"\ngit = "https://a/b"\n', 18, "name"),
        ('\n[[source]]\nname = "x."\ngit = "https://a/b"\n', 18, "name"),
        ('\n[[source]]\nname = "a/b"\ngit = "https://a/b"\n', 18, "name"),
        ('\n[[source]]\nname = "nul"\ngit = "https://a/b"\n', 18, "name"),
        ('\n[[source]]\nname = ""\ngit = "https://a/b"\n', 18, "name"),
        ("\n[[sources]]\n", 17, "sources"),
    ],
)
def test_errors_name_line_and_key(tmp_path: Path, added: str, line: int, key: str) -> None:
    message = str(error_for(tmp_path, VALID + added))
    assert f"sources.toml, line {line}:" in message
    assert f"'{key}'" in message


def test_the_line_in_a_long_file(tmp_path: Path) -> None:
    tables = [f'[[source]]\nname = "{number}"\nfolder = "x"\n' for number in range(2000)]
    last = '[[source]]\nname = "a"\ngit = 3\n'
    assert "line 6003:" in str(error_for(tmp_path, "".join([*tables, last])))
    odd = "[[ 'source' ]]\n'name' = 3\n"
    assert "line 3002:" in str(error_for(tmp_path, "".join([*tables[:1000], odd, *tables])))


def test_a_refused_address_is_shown_without_password(tmp_path: Path) -> None:
    text = '[[source]]\nname = "a"\ngit = "https://user:hunter2@a/b\\nc"\n'
    assert "hunter2" not in str(error_for(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (VALID + 'name = \n"x"\n', 16),
        (VALID + 'name = "twice"\n', 16),
        (VALID + "[[source]\n", 16),
        (VALID + 'include = ["a", \n', 17),
    ],
)
def test_broken_toml_names_the_line(tmp_path: Path, text: str, line: int) -> None:
    assert f"sources.toml, line {line}:" in str(error_for(tmp_path, text))


@pytest.mark.parametrize("text", ["", "# nothing\n", "source = 3\n", 'source = ["x"]\n'])
def test_a_file_without_sources(tmp_path: Path, text: str) -> None:
    assert "line 1:" in str(error_for(tmp_path, text))


def test_other_encodings_are_refused_with_the_line(tmp_path: Path) -> None:
    content = VALID.encode("gb18030")
    line = content[: content.index("资料".encode("gb18030"))].count(b"\n") + 1
    assert f"line {line}: not UTF-8" in str(error_for(tmp_path, content))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourcesFileError, match=r"nowhere.toml cannot be read.*--sources"):
        read_sources(tmp_path / "nowhere.toml")
    with pytest.raises(SourcesFileError, match="cannot be read"):
        read_sources(tmp_path)
