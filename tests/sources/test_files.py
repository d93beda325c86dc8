"""What a folder or clone offers, and what is skipped with which reason."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from assistant.documents import Source, SourceFile
from assistant.errors import SourceError, SourceNotFoundError
from assistant.sources import Checkout, fetch, list_files
from tests.sources.repositories import Repository

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def listed(
    folder: Path, *, max_file_bytes: int = 1000, python_sources: bool = False, **fields: object
) -> tuple[list[str], dict[str, str]]:
    source = Source("docs", folder=folder, **fields)  # type: ignore[arg-type]
    checkout = fetch(source, folder=folder / "none", timeout_seconds=1)
    assert checkout == Checkout(source, folder, "")
    files, skipped = list_files(
        checkout, max_file_bytes=max_file_bytes, python_sources=python_sources
    )
    assert all(file.location == folder.resolve() / file.path for file in files)
    assert all(file.commit == "" for file in files)
    return [file.path for file in files], dict(skipped)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    for path, text in {
        "b.md": "B",
        "a.md": "A",
        "zh/安装 说明.md": "安装",
        "-x 'y\" z.txt": "X",
        "requirements.txt": "numpy",
        "model/merges.txt": "a b",
        "code.py": "print()",
        ".git/note.md": "secret",
        ".cache/note.md": "cached",
    }.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_listed_in_order_with_what_was_skipped(folder: Path) -> None:
    files, skipped = listed(folder)
    assert files == ["-x 'y\" z.txt", "a.md", "b.md", "zh/安装 说明.md"]
    assert skipped == {
        "requirements.txt": "requirements or build list",
        "model/merges.txt": "vocabulary list",
    }


def test_git_folders_are_never_listed(folder: Path) -> None:
    files, _ = listed(folder, exclude=())
    assert ".cache/note.md" in files
    assert not [path for path in files if path.startswith(".git")]


def test_python_files(folder: Path) -> None:
    include = ("**/*.py",)
    assert listed(folder) == listed(folder, python_sources=True)
    assert listed(folder, include=include) == ([], {"code.py": "Python file"})
    assert listed(folder, include=include, python_sources=True) == (["code.py"], {})


def test_sizes(folder: Path) -> None:
    (folder / "empty.md").touch()
    (folder / "large.md").write_text("x" * 1001)
    (folder / "just.md").write_text("x" * 1000)
    files, skipped = listed(folder)
    assert "just.md" in files
    assert skipped["empty.md"] == "empty file"
    assert skipped["large.md"] == "larger than the limit"


def test_files_that_are_in_git_lfs(folder: Path) -> None:
    (folder / "book.md").write_text(LFS)
    (folder / "about.md").write_text(LFS + "This is what a pointer looks like.\n" * 30)
    files, skipped = listed(folder, max_file_bytes=5000)
    assert skipped["book.md"] == "content is in Git LFS"
    assert "about.md" in files


def test_links(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "page.md").write_text("page")
    for name, target in {
        "inside.md": "zh/安装 说明.md",
        "outside.md": "../secret.md",
        "absolute.md": str(tmp_path / "secret.md"),
        "git.md": ".git/note.md",
        "gone.md": "nowhere.md",
        "loop.md": "loop.md",
        "out": "../other",
        "around": ".",
        "round.md": "around/around/round.md",
    }.items():
        (folder / name).symlink_to(target)
    files, skipped = listed(folder)
    assert files == ["-x 'y\" z.txt", "a.md", "b.md", "inside.md", "zh/安装 说明.md"]
    outside, broken = "symbolic link out of the source", "broken symbolic link"
    assert {path: reason for path, reason in skipped.items() if "link" in reason} == {
        "outside.md": outside,
        "absolute.md": outside,
        "git.md": outside,
        "out": outside,
        "gone.md": broken,
        "loop.md": broken,
        "round.md": broken,
        "around": "symbolic link to a folder",
    }


def test_a_source_that_is_itself_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert listed(tmp_path / "link") == listed(folder)


@pytest.mark.timeout(10)
def test_what_is_not_a_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe.md")
    (folder / "folder.md").mkdir()
    (folder / "folder.md" / "page.md").write_text("page")
    files, skipped = listed(folder)
    assert skipped["pipe.md"] == "not a regular file"
    assert "folder.md/page.md" in files


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_without_permission(folder: Path) -> None:
    (folder / "a.md").chmod(0)
    files, skipped = listed(folder)
    (folder / "a.md").chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert "a.md" not in files
    assert skipped["a.md"] == "cannot be read"


def test_folders_without_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = [folder / "zh"]
    scandir = os.scandir

    def forbidding(place: str | Path) -> object:
        if Path(place) in closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", forbidding)
    files, skipped = listed(folder)
    assert "zh/安装 说明.md" not in files
    assert skipped["zh"] == "cannot be read"
    closed.append(folder)
    with pytest.raises(SourceError, match="Permission denied"):
        listed(folder)


def test_names_that_are_not_utf8(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md")).write_text("coffee")
    files, skipped = listed(folder)
    assert len(files) == 4
    assert skipped["caf\ufffd.md"] == "file name is not UTF-8"


def test_a_missing_folder(tmp_path: Path) -> None:
    source = Source("docs", folder=tmp_path / "nowhere")
    with pytest.raises(SourceNotFoundError, match=r"source docs: there is no folder .*nowhere"):
        fetch(source, folder=tmp_path, timeout_seconds=1)
    (tmp_path / "nowhere").write_text("a file")
    with pytest.raises(SourceNotFoundError):
        fetch(source, folder=tmp_path, timeout_seconds=1)


def test_a_clone(upstream: Repository, clones: Path) -> None:
    (upstream.folder / "out.md").symlink_to("/etc/hostname")
    (upstream.folder / "config.md").symlink_to(".git/config")
    (upstream.folder / "in.md").symlink_to("README.md")
    (upstream.folder / "elsewhere").symlink_to("/etc")
    commit = upstream.commit({"empty.txt": "", "large.txt": "x" * 5000, "lfs.txt": LFS})
    source = Source("tool", git=(upstream.address,))
    checkout = fetch(source, folder=clones, timeout_seconds=30)
    files, skipped = list_files(checkout, max_file_bytes=1000)
    assert files == [
        SourceFile(source, path, clones / "tool" / path, commit)
        for path in ("README.md", "docs/notes.txt", "docs/zh/安装 说明.md", "in.md")
    ]
    assert all(file.location.read_text(encoding="utf-8") for file in files)
    assert dict(skipped) == {
        "config.md": "symbolic link out of the source",
        "empty.txt": "empty file",
        "large.txt": "larger than the limit",
        "lfs.txt": "content is in Git LFS",
        "out.md": "symbolic link out of the source",
        "requirements.txt": "requirements or build list",
        "src/CMakeLists.txt": "requirements or build list",
    }


def test_a_clone_that_was_damaged(upstream: Repository, clones: Path) -> None:
    source = Source("tool", git=(upstream.address,))
    checkout = fetch(source, folder=clones, timeout_seconds=30)
    for pack in (checkout.folder / ".git/objects/pack").iterdir():
        pack.chmod(0o600)
        pack.write_bytes(bytes(pack.stat().st_size))
    checkout = fetch(source, folder=clones, timeout_seconds=30, offline=True)
    with pytest.raises(SourceError, match="clones it again"):
        list_files(checkout, max_file_bytes=1000)


def test_files_that_are_missing_in_a_clone_and_globs_that_changed(
    upstream: Repository, clones: Path
) -> None:
    checkout = fetch(Source("tool", git=(upstream.address,)), folder=clones, timeout_seconds=30)
    (clones / "tool" / "README.md").unlink()
    files, skipped = list_files(checkout, max_file_bytes=1000)
    assert "README.md" not in [file.path for file in files]
    assert dict(skipped)["README.md"] == "not in the clone"
    wider = Source("tool", git=(upstream.address,), include=("**/*.bin",))
    checkout = fetch(wider, folder=clones, timeout_seconds=30, offline=True)
    assert list_files(checkout, max_file_bytes=10_000) == (
        [],
        [("assets/picture.bin", "not in the clone")],
    )
