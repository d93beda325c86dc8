"""Clones of repositories that hold only the wanted files; knows nothing of mirrors or errors.

A clone is shallow (one commit), blob-filtered (trees come whole, contents when wanted) and
sparse (only wanted files are written). What was reached is noted in `.git/source.json`,
which is there only while all wanted files are.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import stat
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from assistant.documents import Source
from assistant.progress import Progress
from assistant.sources.git import GitCommandError, git_address, run_git
from assistant.sources.globs import Globs, Verdict
from assistant.sources.tree import TreeEntry, sparse_patterns, tree

logger = logging.getLogger(__name__)

NOTE = ".git/source.json"
_SPARSE = ".git/info/sparse-checkout"
_ANSWER_SECONDS = 30
_LIST_SECONDS = 120
_ALL_HISTORY = "--depth=2147483647"
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FETCH = ("fetch", "--no-tags", "--quiet")
# Files are written as they are in the repository: no line ends, keywords or LFS contents.
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"


class NoSuchRevisionError(Exception):
    """The repository answers and does not have the revision."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What a complete clone holds."""

    address: str
    revision: str | None
    commit: str


class Clone:
    """The clone of one source in the folder of all clones.

    Args:
        source: Has the globs and the revision.
        repositories: Gets the clone under the source's name.
        timeout_seconds: For one git command.
        progress: Is told the bytes that arrived.
    """

    def __init__(
        self, source: Source, repositories: Path, timeout_seconds: float, progress: Progress
    ) -> None:
        self.source = source
        self.folder = repositories / source.name
        self._beside = repositories / f".{source.name}.new"
        self._aside = repositories / f".{source.name}.old"
        self._timeout_seconds = timeout_seconds
        self._progress = progress

    def recover(self) -> None:
        """Clear away what an interrupted fetch left."""
        if self._aside.exists() and not self.folder.exists():
            self._aside.rename(self.folder)
        for folder in (self._aside, self._beside):
            _remove(folder)

    def reached(self) -> Reached | None:
        """What is there of this very source; None if it is unfinished or of another place."""
        reached, revision = self._noted(), self.source.revision
        if reached is None or reached.revision == revision:
            return reached
        is_commit = revision is not None and _COMMIT.fullmatch(revision)
        return reached if is_commit and reached.commit.startswith(revision or "") else None

    def _noted(self) -> Reached | None:
        """The finished clone from one of the source's addresses, whatever its revision."""
        try:
            content = json.loads((self.folder / NOTE).read_text(encoding="utf-8"))
            noted = Reached(**content)
        except (OSError, ValueError, TypeError):
            return None
        return noted if noted.address in self.source.git else None

    def update(self, address: str) -> str:
        """Bring the clone to what `address` has now, and return the commit.

        A clone that is broken or of another address stays in use until a new one is whole.

        Raises:
            GitCommandError: The address does not give it.
            NoSuchRevisionError: It does not have the revision.
        """
        reference, commit = self._resolve(address)
        noted = self._noted()
        if noted:
            try:
                if self._has(noted, address, commit):
                    return self._restore(noted.commit)
                return self._bring(self.folder, address, reference)
            except GitCommandError as failure:
                if failure.timed_out:
                    raise
                logger.info(
                    "%s: the clone cannot be updated (%s); cloning anew",
                    self.source.name,
                    failure.words,
                )
        try:
            commit = self._clone(address, reference)
            if self.folder.exists():
                self.folder.rename(self._aside)
            self._beside.rename(self.folder)
        finally:
            self.recover()
        return commit

    def _clone(self, address: str, reference: str) -> str:
        """Make a clone beside; a whole one if the server gives no single contents."""
        try:
            _make_empty(self._beside, filtered=True)
            return self._bring(self._beside, address, reference)
        except GitCommandError as failure:
            if not failure.no_revision:
                raise
            logger.info("%s: fetching all contents: %s", self.source.name, failure.words)
            _make_empty(self._beside, filtered=False)
            return self._bring(self._beside, address, reference)

    def _has(self, noted: Reached, address: str, commit: str) -> bool:
        """Whether the clone is of this commit, with the files that are wanted now."""
        asked = (address, self.source.revision)
        if (noted.address, noted.revision) != asked or not noted.commit.startswith(commit):
            return False
        patterns = sparse_patterns(self._wanted(self.folder, noted.commit))
        try:
            return (self.folder / _SPARSE).read_bytes() == patterns
        except OSError:
            return False

    def _restore(self, commit: str) -> str:
        """Put back what was changed or deleted in a clone that has everything."""
        self._git(self.folder, "checkout", "--quiet", "--force", "--detach", commit)
        return commit

    def _resolve(self, address: str) -> tuple[str, str]:
        """The reference or commit to ask `address` for, and the commit that it is there."""
        revision = self.source.revision
        names = ["HEAD"]
        if revision:
            names = [revision] if revision.startswith("refs/") or revision == "HEAD" else []
            names += [f"refs/heads/{revision}", f"refs/tags/{revision}"]
        output = run_git(
            # What an annotated tag is of stands behind its name with ^{}.
            [
                *("ls-remote", "--quiet", "--", git_address(address)),
                *(name + peeled for name in names for peeled in ("", "^{}")),
            ],
            folder=self.folder.parent,
            timeout_seconds=min(self._timeout_seconds, _ANSWER_SECONDS),
            clone=False,
            look=self._look,
        )
        lines = (line.partition("\t") for line in output.decode(errors="replace").splitlines())
        there = {name: commit for commit, _, name in lines}
        for name in names:
            if name in there:
                return name, there.get(f"{name}^{{}}", there[name])
        if revision and _COMMIT.fullmatch(revision):
            return revision, revision
        raise NoSuchRevisionError(
            f"no branch, tag or commit {revision!r}" if revision else "no commits yet"
        )

    def _bring(self, folder: Path, address: str, reference: str) -> str:
        self._git(folder, "config", "remote.origin.url", git_address(address))
        commit = self._fetch_commit(folder, reference)
        wanted = self._wanted(folder, commit)
        self._fetch_contents(folder, commit, wanted)
        note = folder / NOTE
        note.unlink(missing_ok=True)
        sparse = folder / _SPARSE
        sparse.parent.mkdir(exist_ok=True)
        sparse.write_bytes(sparse_patterns(wanted))
        self._git(folder, "checkout", "--quiet", "--force", "--detach", commit)
        reached = Reached(address, self.source.revision, commit)
        note.write_text(json.dumps(asdict(reached)), encoding="utf-8")
        return commit

    def _wanted(self, folder: Path, commit: str) -> list[TreeEntry]:
        globs = Globs(self.source)
        return [
            entry
            for entry in tree(folder, commit, self._look)
            if entry.is_file
            and (
                entry.path.rpartition("/")[2] == ".gitattributes"  # git reads it for each file
                or globs.judge(entry.path) is Verdict.WANTED
            )
        ]

    def _fetch_commit(self, folder: Path, reference: str) -> str:
        """Fetch one commit with its trees; all commits if the server gives none by its name."""
        is_commit = _COMMIT.fullmatch(reference) is not None
        if not is_commit or _FULL_COMMIT.fullmatch(reference):
            try:
                self._git(folder, *_FETCH, "--depth=1", "origin", reference)
                return self._commit(folder, "FETCH_HEAD")
            except GitCommandError as failure:
                if not is_commit or not failure.no_revision:
                    raise
        logger.info("%s: fetching all commits to find %s", self.source.name, reference)
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        self._git(folder, *_FETCH, _ALL_HISTORY, "origin", *everything)
        try:
            return self._commit(folder, reference)
        except GitCommandError as failure:
            raise NoSuchRevisionError(f"no commit {reference!r}") from failure

    def _commit(self, folder: Path, name: str) -> str:
        return self._git(folder, "rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()

    def _fetch_contents(self, folder: Path, commit: str, wanted: Iterable[TreeEntry]) -> None:
        """Fetch the wanted contents that are not there, all in one request."""
        listed = self._git(
            folder, "rev-list", "--objects", "--missing=print", "--no-walk", commit
        ).splitlines()
        absent = {line[1:].decode() for line in listed if line.startswith(b"?")}
        ids = sorted({entry.object_id for entry in wanted} & absent)
        if ids:
            # As git does by itself for one file at a time: no haves, the objects by name.
            self._git(
                folder,
                *("-c", "fetch.negotiationAlgorithm=noop", *_FETCH),
                *("--no-write-fetch-head", "--stdin", "origin"),
                send="".join(f"{identifier}\n" for identifier in ids).encode(),
            )

    def _git(self, folder: Path, *arguments: str, send: bytes = b"") -> bytes:
        return run_git(
            arguments,
            folder=folder,
            timeout_seconds=self._timeout_seconds,
            send=send,
            look=lambda: self._look(folder),
        )

    def _look(self, folder: Path | None = None) -> None:
        """Tell the bytes that arrived; ends what is running when the progress raises."""
        arrived = pack_bytes(folder or self.folder)
        self._progress(f"fetch {self.source.name}", arrived, None, "B")


def pack_bytes(folder: Path) -> int:
    """Bytes of packs in a clone, also of those that are still arriving."""
    total = 0
    for file in (folder / ".git/objects/pack").glob("*"):
        try:
            total += file.stat().st_size
        except OSError:
            continue  # it was renamed meanwhile
    return total


def _make_empty(folder: Path, *, filtered: bool) -> None:
    _remove(folder)
    folder.mkdir(parents=True)
    run_git(["init", "--quiet", "--template="], folder=folder, timeout_seconds=_LIST_SECONDS)
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/attributes").write_text(_ATTRIBUTES, encoding="utf-8")
    settings = {"core.sparseCheckout": "true", "core.sparseCheckoutCone": "false"}
    if filtered:
        settings |= {
            "core.repositoryFormatVersion": "1",
            "extensions.partialClone": "origin",
            "remote.origin.promisor": "true",
            "remote.origin.partialCloneFilter": "blob:none",
        }
    for name, value in settings.items():
        run_git(["config", name, value], folder=folder, timeout_seconds=_LIST_SECONDS)


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        if os.name == "nt":  # which removes nothing that is read-only, such as git's packs
            for file in (folder / ".git" / "objects").rglob("*"):
                file.chmod(stat.S_IREAD | stat.S_IWRITE)
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
