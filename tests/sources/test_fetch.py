"""Cloning and updating real repositories."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from assistant.documents import Source
from assistant.errors import (
    RevisionNotFoundError,
    SourceError,
    SourceNotFoundError,
    SourceUnreachableError,
)
from assistant.sources import Checkout, fetch, list_files
from tests.sources.conftest import FILES
from tests.sources.repositories import (
    Repository,
    closed_address,
    git_answer,
    git_daemon,
    http_server,
    make_repository,
    silent_server,
    status_answer,
)

WANTED = {"README.md", "docs/zh/安装 说明.md", "docs/notes.txt"}


def get(
    *addresses: str,
    clones: Path,
    offline: bool = False,
    timeout_seconds: float = 30,
    **fields: object,
) -> Checkout:
    source = Source("tool", git=addresses, **fields)  # type: ignore[arg-type]
    return fetch(source, folder=clones, timeout_seconds=timeout_seconds, offline=offline)


def on_disk(checkout: Checkout) -> dict[str, bytes]:
    """The files of the working tree."""
    return {
        file.relative_to(checkout.folder).as_posix(): file.read_bytes()
        for file in checkout.folder.rglob("*")
        if file.is_file() and ".git" not in file.relative_to(checkout.folder).parts
    }


def paths(checkout: Checkout) -> set[str]:
    return {file.path for file in list_files(checkout, max_file_bytes=100_000)[0]}


def test_only_wanted_files_arrive(upstream: Repository, clones: Path) -> None:
    checkout = get(upstream.address, clones=clones)
    assert (checkout.status, checkout.reason) == ("ok", "")
    assert checkout.folder == clones / "tool"
    assert checkout.commit == upstream.git("rev-parse", "HEAD")
    assert set(on_disk(checkout)) == WANTED
    for path, content in on_disk(checkout).items():
        assert content == str(FILES[path]).encode()


NAMES = [
    "-rf.md",
    "--help.md",
    "#hash.md",
    "!bang.md",
    "a 'b' \"c\".md",
    "trailing .txt",
    "back\\slash.md",
    "star*[x]?.md",
    "line\nbreak.md",
    "carriage\r.md",
    "tab\t.md",
    "中文/说明：第一章.md",
    "dir with space/-x/é.md",
    "$(touch x);`y`.md",
    "{brace}.md",
    "%41%20.md",
    "😀.md",
]


def test_names_of_every_kind(tmp_path: Path, clones: Path) -> None:
    unwanted = {name.replace(".md", ".bin").replace(".txt", ".bin"): "no" for name in NAMES}
    upstream = make_repository(
        tmp_path / "a b'中", {name: f"text of {name}" for name in NAMES} | unwanted
    )
    checkout = get(upstream.address, clones=clones)
    assert paths(checkout) == set(NAMES)
    assert on_disk(checkout) == {name: f"text of {name}".encode() for name in NAMES}


def test_a_path_on_this_machine_is_an_address(upstream: Repository, clones: Path) -> None:
    assert paths(get(str(upstream.folder), clones=clones)) == WANTED


def test_files_arrive_as_they_are_in_the_repository(tmp_path: Path, clones: Path) -> None:
    content = b"one\r\ntwo\n$Id$\n"
    upstream = make_repository(
        tmp_path / "upstream",
        {"a.md": content, "docs/b.md": content, "utf.md": "说明".encode("utf-16")},
    )
    upstream.commit(
        {
            ".gitattributes": "*.md text eol=crlf ident filter=lfs\n",
            "docs/.gitattributes": "*.md filter=evil\n",
        }
    )
    checkout = get(upstream.address, clones=clones)
    before = upstream.git("rev-parse", "HEAD:a.md")
    assert (
        on_disk(checkout)["a.md"]
        == subprocess.run(
            ["git", "cat-file", "blob", before],
            cwd=upstream.folder,
            capture_output=True,
            check=True,
        ).stdout
    )
    assert b"$Id$\n" in on_disk(checkout)["docs/b.md"]
    assert paths(checkout) == {"a.md", "docs/b.md", "utf.md"}


def test_an_update_brings_changes_and_deletes_what_is_gone(
    upstream: Repository, clones: Path
) -> None:
    get(upstream.address, clones=clones)
    commit = upstream.commit(
        {"README.md": "# New\n", "docs/more.md": "More.\n", "other.bin": "x"},
        delete=("docs/notes.txt",),
    )
    checkout = get(upstream.address, clones=clones)
    assert (checkout.commit, checkout.status) == (commit, "ok")
    assert set(on_disk(checkout)) == {"README.md", "docs/more.md", "docs/zh/安装 说明.md"}
    assert on_disk(checkout)["README.md"] == b"# New\n"


def test_an_update_is_done_in_the_clone_that_is_there(upstream: Repository, clones: Path) -> None:
    checkout = get(upstream.address, clones=clones)
    (checkout.folder / ".git" / "mine").touch()
    upstream.commit({"README.md": "# New\n"})
    assert on_disk(get(upstream.address, clones=clones))["README.md"] == b"# New\n"
    assert (checkout.folder / ".git" / "mine").exists()


def test_an_update_takes_no_second_place_for_the_contents_that_are_there(
    upstream: Repository, clones: Path
) -> None:
    def packs() -> dict[str, int]:
        folder = clones / "tool/.git/objects/pack"
        return {file.name: file.stat().st_ino for file in folder.glob("*.pack")}

    get(upstream.address, clones=clones)
    before = packs()
    upstream.commit({"README.md": "# New\n"})
    get(upstream.address, clones=clones)
    assert before
    assert packs().items() > before.items()


@pytest.mark.parametrize("revision", [None, "main", "marked"])
def test_nothing_is_fetched_of_a_commit_that_is_there(
    upstream: Repository, clones: Path, revision: str | None
) -> None:
    upstream.git("branch", "-M", "main")
    upstream.git("tag", "-a", "-m", "a tag with a text of its own", "marked")
    first = get(upstream.address, clones=clones, revision=revision)
    fetched = clones / "tool/.git/FETCH_HEAD"
    fetched.unlink()
    again = get(upstream.address, clones=clones, revision=revision)
    assert again == first
    assert not fetched.exists()
    assert again.commit == upstream.git("rev-parse", "HEAD")


@pytest.mark.parametrize("length", [8, 40])
def test_nothing_is_fetched_of_a_commit_that_is_asked_for(
    upstream: Repository, clones: Path, length: int
) -> None:
    revision = upstream.git("rev-parse", "HEAD")[:length]
    first = get(upstream.address, clones=clones, revision=revision)
    fetched = clones / "tool/.git/FETCH_HEAD"
    fetched.unlink(missing_ok=True)
    assert get(upstream.address, clones=clones, revision=revision) == first
    assert not fetched.exists()


def test_a_list_of_wanted_files_that_was_damaged_is_written_anew(
    upstream: Repository, clones: Path
) -> None:
    checkout = get(upstream.address, clones=clones)
    (checkout.folder / ".git/info/sparse-checkout").write_text("/src/\n")
    assert set(on_disk(get(upstream.address, clones=clones))) == WANTED


def test_history_that_was_rewritten(upstream: Repository, clones: Path) -> None:
    get(upstream.address, clones=clones)
    upstream.write({"README.md": "# Rewritten\n"})
    upstream.git("commit", "--quiet", "--all", "--amend", "--message", "Other")
    checkout = get(upstream.address, clones=clones)
    assert checkout.commit == upstream.git("rev-parse", "HEAD")
    assert on_disk(checkout)["README.md"] == b"# Rewritten\n"


def test_globs_that_changed(upstream: Repository, clones: Path) -> None:
    get(upstream.address, clones=clones)
    checkout = get(upstream.address, clones=clones, include=("**/*.bin", "*.md"))
    assert set(on_disk(checkout)) == {"README.md", "assets/picture.bin"}
    checkout = get(upstream.address, clones=clones, include=("**/*.nothing",))
    assert on_disk(checkout) == {}
    assert set(on_disk(get(upstream.address, clones=clones))) == WANTED


def test_files_that_someone_deleted_or_changed_come_back(
    upstream: Repository, clones: Path
) -> None:
    checkout = get(upstream.address, clones=clones)
    (checkout.folder / "README.md").unlink()
    (checkout.folder / "docs/notes.txt").write_text("changed")
    checkout = get(upstream.address, clones=clones)
    assert on_disk(checkout)["README.md"] == str(FILES["README.md"]).encode()
    assert on_disk(checkout)["docs/notes.txt"] == b"Notes.\n"


@pytest.fixture
def revisions(upstream: Repository) -> dict[str, str]:
    """Names and the commits that they stand for; the branch main is ahead of all."""
    first = upstream.git("rev-parse", "HEAD")
    upstream.git("tag", "--annotate", "v1", "--message", "First")
    upstream.git("switch", "--quiet", "--create", "dev/二")
    second = upstream.commit({"README.md": "# Dev\n"})
    upstream.git("tag", "light")
    upstream.git("switch", "--quiet", "main")
    upstream.commit({"README.md": "# Main\n"})
    return {
        "v1": first,
        "refs/tags/v1": first,
        "dev/二": second,
        "light": second,
        first: first,
        second[:10]: second,
    }


def test_branches_tags_and_commits(
    upstream: Repository, clones: Path, revisions: dict[str, str]
) -> None:
    for name, commit in revisions.items():
        checkout = get(upstream.address, clones=clones, revision=name)
        assert checkout.commit == commit, name
        assert paths(checkout) == WANTED
    assert get(upstream.address, clones=clones).commit == upstream.git("rev-parse", "main")


def test_a_commit_that_the_server_gives_to_nobody_by_name(
    upstream: Repository, clones: Path, revisions: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Version 0 of git's protocol only knows the commits that branches and tags point to.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.version")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "0")
    upstream.git("tag", "--delete", "v1")
    commit = revisions["v1"]
    checkout = get(upstream.address, clones=clones, revision=commit)
    assert checkout.commit == commit
    assert set(on_disk(checkout)) == WANTED
    assert get(upstream.address, clones=clones, revision=commit).commit == commit


@pytest.mark.parametrize("revision", ["nowhere", "0" * 40, "abcdef12", "v*", "refs/heads/x"])
def test_a_revision_that_is_not_there(upstream: Repository, clones: Path, revision: str) -> None:
    with pytest.raises(RevisionNotFoundError) as caught:
        get(upstream.address, clones=clones, revision=revision)
    assert repr(revision) in caught.value.got
    assert "revision" in caught.value.action
    assert not (clones / "tool").exists()


def test_a_repository_without_commits(tmp_path: Path, clones: Path) -> None:
    empty = make_repository(tmp_path / "empty", {})
    with pytest.raises(RevisionNotFoundError, match="no commits"):
        get(empty.address, clones=clones)


def test_a_server_that_cannot_filter(upstream: Repository, clones: Path) -> None:
    upstream.git("config", "uploadpack.allowFilter", "false")
    checkout = get(upstream.address, clones=clones)
    assert set(on_disk(checkout)) == WANTED
    (checkout.folder / ".git" / "mine").touch()
    upstream.commit({"docs/more.md": "More.\n"})
    assert "docs/more.md" in paths(get(upstream.address, clones=clones))
    assert (checkout.folder / ".git" / "mine").exists()


def test_an_update_that_stops_halfway_leaves_the_clone_as_it_was(
    upstream: Repository, clones: Path
) -> None:
    serve, left = git_answer(upstream.folder.parent), [100]

    def answer(request: BaseHTTPRequestHandler) -> None:
        left[0] -= 1
        (serve if left[0] >= 0 else status_answer(500))(request)

    with http_server(answer) as server:
        before = get(f"{server}/upstream/.git", clones=clones)
        was = on_disk(before)
        upstream.commit({"README.md": "# New\n"}, delete=("docs/notes.txt",))
        for requests in range(6):
            left[0] = requests
            checkout = get(f"{server}/upstream/.git", clones=clones)
            assert (checkout.status, checkout.commit) == ("kept", before.commit)
            assert on_disk(checkout) == was
            assert get(f"{server}/upstream/.git", clones=clones, offline=True).commit
        left[0] = 6
        assert get(f"{server}/upstream/.git", clones=clones).status == "ok"


def test_no_state_is_made_where_git_of_a_killed_process_may_still_write(
    upstream: Repository, clones: Path
) -> None:
    made: set[Path] = set()
    serve = git_answer(upstream.folder.parent)

    def answer(request: BaseHTTPRequestHandler) -> None:
        made.update(clones.glob(".tool.new/**/.git"))
        serve(request)

    with http_server(answer) as server:
        get(f"{server}/{upstream.folder.name}", clones=clones)
        upstream.commit({"README.md": "# New\n"})
        get(f"{server}/{upstream.folder.name}", clones=clones)
    assert len(made) == 2


def test_over_http(upstream: Repository, clones: Path) -> None:
    with http_server(git_answer(upstream.folder.parent)) as server:
        checkout = get(f"{server}/upstream/.git", clones=clones)
        assert set(on_disk(checkout)) == WANTED
        with pytest.raises(SourceNotFoundError, match="not found"):
            get(f"{server}/nowhere.git", clones=clones / "other")


def test_over_gits_own_protocol(upstream: Repository, clones: Path) -> None:
    with git_daemon(upstream.folder.parent) as server:
        assert set(on_disk(get(f"{server}/upstream", clones=clones))) == WANTED
        with pytest.raises(RevisionNotFoundError):
            get(f"{server}/upstream", clones=clones, revision="nowhere")
        with pytest.raises(SourceNotFoundError):
            get(f"{server}/nowhere", clones=clones)
    checkout = get(f"{server}/upstream", clones=clones)
    assert checkout.status == "kept"
    assert "does not respond" in checkout.reason


@pytest.mark.parametrize("status", [401, 403, 404])
def test_http_without_a_repository(clones: Path, status: int) -> None:
    with http_server(status_answer(status)) as server, pytest.raises(SourceNotFoundError) as caught:
        get(f"{server}/acme/handbook", clones=clones)
    assert f"{server}/acme/handbook" in caught.value.got


def test_a_server_that_is_broken(clones: Path) -> None:
    with http_server(status_answer(500)) as server, pytest.raises(SourceUnreachableError):
        get(f"{server}/acme/handbook", clones=clones)


def test_a_folder_that_is_no_repository(tmp_path: Path, clones: Path) -> None:
    with pytest.raises(SourceNotFoundError):
        get(tmp_path.as_uri(), clones=clones)


def test_nothing_listens(clones: Path) -> None:
    with pytest.raises(SourceUnreachableError) as caught:
        get(closed_address(), clones=clones)
    assert "127.0.0.1" in caught.value.got
    assert not (clones / "tool").exists()


def test_an_address_that_never_answers(clones: Path) -> None:
    with (
        silent_server() as address,
        pytest.raises(SourceUnreachableError, match="timed out after 1 s"),
    ):
        get(address, clones=clones, timeout_seconds=1)


@pytest.mark.parametrize(
    "address", ["--upload-pack=touch x", "-x", "ext::sh -c 'touch x'", "ftp://127.0.0.1/x"]
)
def test_addresses_that_are_refused(clones: Path, address: str) -> None:
    with pytest.raises(SourceError):
        get(address, clones=clones)
    assert not list(clones.rglob("x"))


@pytest.mark.parametrize(
    "secret", ["://user:hunter2@", "://user:a@hunter2@", "://user:hunter2/b@", "://hunter2@"]
)
def test_passwords_are_not_shown(
    clones: Path, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    caplog.set_level(logging.INFO, "assistant")
    address = closed_address().replace("://", secret)
    with pytest.raises(SourceError) as caught:
        get(address, f"{address}?private_token=hunter2", clones=clones)
    assert "hunter2" not in str(caught.value) + caplog.text
    assert "127.0.0.1" in caplog.text


def test_passwords_are_not_kept(upstream: Repository, clones: Path) -> None:
    with http_server(git_answer(upstream.folder.parent)) as server:
        get(f"{server}/upstream/.git".replace("://", "://user:hunter2@"), clones=clones)
    kept = [file for file in clones.rglob("*") if file.is_file()]
    assert [file for file in kept if b"hunter2" in file.read_bytes()] == []


def test_mirrors_are_tried_in_order_with_a_line_for_each(
    upstream: Repository, clones: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "assistant")
    closed = closed_address()
    gone = (upstream.folder.parent / "gone").as_uri()
    checkout = get(closed, gone, upstream.address, "file:///never/asked", clones=clones)
    assert (checkout.status, checkout.commit) == ("ok", upstream.git("rev-parse", "HEAD"))
    lines = [record.getMessage() for record in caplog.records]
    assert [address in line for address, line in zip((closed, gone), lines, strict=False)]
    assert lines[0].endswith(f"trying {gone}")
    assert lines[1].endswith(f"trying {upstream.address}")
    assert lines[2].endswith(f"from {upstream.address}")
    assert len(lines) == 3


def test_when_all_mirrors_fail_each_has_a_clause(upstream: Repository, clones: Path) -> None:
    closed = closed_address()
    gone = (upstream.folder.parent / "gone").as_uri()
    with pytest.raises(SourceUnreachableError) as caught:
        get(closed, gone, clones=clones)
    assert [
        address in clause
        for address, clause in zip((closed, gone), caught.value.got.split("; "), strict=True)
    ]
    with pytest.raises(SourceNotFoundError):
        get(gone, gone + "2", clones=clones)
    with pytest.raises(RevisionNotFoundError):
        get(closed, upstream.address, revision="nowhere", clones=clones)


def test_the_other_mirror_takes_over_the_same_clone(upstream: Repository, clones: Path) -> None:
    mirror = upstream.folder.parent / "mirror"
    upstream.git("clone", "--quiet", "--bare", upstream.address, str(mirror))
    addresses = (upstream.address, mirror.as_uri())
    checkout = get(*addresses, clones=clones)
    (checkout.folder / ".git" / "mine").touch()
    upstream.folder.rename(upstream.folder.with_name("away"))
    assert get(*addresses, clones=clones).status == "ok"
    assert (checkout.folder / ".git" / "mine").exists()


def test_a_clone_is_kept_when_nothing_can_be_reached(upstream: Repository, clones: Path) -> None:
    before = get(upstream.address, clones=clones)
    upstream.folder.rename(upstream.folder.with_name("away"))
    checkout = get(upstream.address, clones=clones)
    assert (checkout.status, checkout.commit) == ("kept", before.commit)
    assert upstream.address in checkout.reason
    assert set(on_disk(checkout)) == WANTED


def test_no_clone_is_kept_for_another_address_or_revision(
    upstream: Repository, clones: Path
) -> None:
    get(upstream.address, clones=clones)
    with pytest.raises(SourceUnreachableError):
        get(closed_address(), clones=clones)
    with pytest.raises(RevisionNotFoundError):
        get(upstream.address, clones=clones, revision="nowhere")
    assert get(upstream.address, clones=clones, offline=True).status == "kept"


def test_another_address_makes_another_clone(
    upstream: Repository, tmp_path: Path, clones: Path
) -> None:
    get(upstream.address, clones=clones)
    other = make_repository(tmp_path / "other", {"other.md": "Other.\n"})
    checkout = get(other.address, clones=clones)
    assert set(on_disk(checkout)) == {"other.md"}
    assert [entry.name for entry in clones.iterdir() if entry.is_dir()] == ["tool"]


def test_offline(upstream: Repository, clones: Path) -> None:
    with pytest.raises(SourceError, match="without --offline"):
        get(upstream.address, clones=clones, offline=True)
    assert not clones.exists()
    commit = get(upstream.address, clones=clones).commit
    upstream.commit({"README.md": "# New\n"})
    checkout = get(upstream.address, clones=clones, offline=True)
    assert (checkout.status, checkout.commit) == ("kept", commit)
    assert set(on_disk(checkout)) == WANTED


def damage_head(clone: Path) -> None:
    (clone / ".git/HEAD").write_text("")


def damage_objects(clone: Path) -> None:
    for pack in (clone / ".git/objects/pack").glob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(b"broken")


def damage_git_folder(clone: Path) -> None:
    (clone / ".git").rename(clone / "was-git")


def damage_lock(clone: Path) -> None:
    (clone / ".git/index.lock").touch()


def damage_note(clone: Path) -> None:
    (clone / ".git/source.json").write_text("[1]")


def damage_all(clone: Path) -> None:
    clone.rename(clone.with_name("moved"))
    clone.write_text("a file")


@pytest.mark.parametrize(
    "damage",
    [damage_head, damage_objects, damage_git_folder, damage_lock, damage_note, damage_all],
)
def test_a_broken_clone_is_made_anew(upstream: Repository, clones: Path, damage) -> None:  # type: ignore[no-untyped-def]
    # A repository around the clones must never be taken for the broken clone.
    clones.mkdir()
    around = Repository(clones)
    around.git("init", "--quiet", "--initial-branch=outer")
    get(upstream.address, clones=clones)
    damage(clones / "tool")
    commit = upstream.commit({"README.md": "# New\n"})
    checkout = get(upstream.address, clones=clones)
    assert (checkout.status, checkout.commit) == ("ok", commit)
    assert set(on_disk(checkout)) == WANTED
    assert around.git("symbolic-ref", "HEAD") == "refs/heads/outer"
    assert around.git("config", "--local", "--list").count("remote.") == 0


def test_leftovers_of_an_interrupted_fetch(upstream: Repository, clones: Path) -> None:
    get(upstream.address, clones=clones)
    (clones / "tool").rename(clones / ".tool.old")
    (clones / ".tool.new/.git").mkdir(parents=True)
    upstream.folder.rename(upstream.folder.with_name("away"))
    checkout = get(upstream.address, clones=clones)
    assert checkout.status == "kept"
    assert sorted(entry.name for entry in clones.iterdir()) == [".tool.lock", "tool"]


def test_an_unfinished_clone_is_not_kept(upstream: Repository, clones: Path) -> None:
    checkout = get(upstream.address, clones=clones)
    note = checkout.folder / ".git/source.json"
    assert json.loads(note.read_text())["commit"] == checkout.commit
    note.unlink()
    upstream.folder.rename(upstream.folder.with_name("away"))
    with pytest.raises(SourceNotFoundError):
        get(upstream.address, clones=clones)


def test_hooks_and_programs_of_the_machine_are_not_run(
    upstream: Repository, clones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "ran"
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{mark}'\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "config"
    config.write_text(
        f"[init]\ntemplateDir = {hooks.parent}\n[core]\nhooksPath = {hooks}\nquotePath = true\n"
        f'[filter "lfs"]\nsmudge = touch {mark}\nrequired = true\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_ASKPASS", f"touch {mark}")
    upstream.commit({".gitattributes": "* filter=lfs\n"})
    mark.unlink(missing_ok=True)
    checkout = get(upstream.address, clones=clones)
    assert paths(checkout) == WANTED
    with http_server(status_answer(401)) as server, pytest.raises(SourceNotFoundError):
        get(f"{server}/acme/handbook", clones=clones / "other")
    assert not mark.exists()


def test_a_folder_that_cannot_be_made(upstream: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="cannot be used"):
        get(upstream.address, clones=tmp_path / "file" / "clones")


def test_relative_folder(
    upstream: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(on_disk(get(upstream.address, clones=Path("clones")))) == WANTED


PROCESS = """
import sys
from pathlib import Path
from assistant.documents import Source
from assistant.sources import fetch, list_files
checkout = fetch(Source("tool", git=(sys.argv[1],)), folder=Path(sys.argv[2]), timeout_seconds=60)
files, _ = list_files(checkout, max_file_bytes=100_000)
print(checkout.status, checkout.commit, len([f for f in files if f.location.read_bytes()]))
"""


def test_processes_at_once(upstream: Repository, clones: Path) -> None:
    command = [sys.executable, "-c", PROCESS, upstream.address, str(clones)]
    for _ in range(2):  # first they clone, then they update
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") for _ in range(3)
        ]
        printed = {process.communicate(timeout=60)[0].strip() for process in running}
        assert printed == {f"ok {upstream.git('rev-parse', 'HEAD')} 3"}
        upstream.commit({"README.md": "# New\n"})
