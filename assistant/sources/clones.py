"""Clones of git repositories with the trees of one commit and only the wanted files.

Git provides all of this: a clone is shallow (one commit), partial (the checkout fetches
missing contents in one request) and sparse (only paths that match the globs are written).
An update is prepared in a second folder and then swapped in, so that a failure at any moment
leaves a complete clone. `.git/source.json` records the state reached.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from assistant.documents import Source
from assistant.progress import Progress
from assistant.sources.git import GitCommandError, git_address, run_git
from assistant.sources.globs import Globs, Verdict
from assistant.sources.tree import file_paths, sparse_patterns

logger = logging.getLogger(__name__)

NOTE = ".git/source.json"
_SPARSE = ".git/info/sparse-checkout"
_REFERENCE = "refs/assistant/reached"  # lets the server send only what is missing
_ANSWER_SECONDS = 30
_ALL_HISTORY = "--depth=2147483647"
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ONLY_TREES = "--filter=blob:none"
# Write files unchanged: no conversion of line ends, keywords, encodings or LFS pointers.
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"


class NoSuchRevisionError(Exception):
    """The repository responds but does not have the revision."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The state of a clone; `address` is a digest, since an address may contain a password."""

    address: str
    revision: str | None
    commit: str


class Clone:
    """The clone of one source.

    Args:
        source: Provides addresses, globs and revision.
        repositories: Parent folder; the clone's folder bears the source's name.
        timeout_seconds: Limit for one git command.
        progress: Receives the number of bytes fetched.
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
        """Clean up after an interrupted update."""
        if self._aside.exists() and not self.folder.exists():
            self._aside.rename(self.folder)
        _remove(self._aside)
        with suppress(OSError):  # a git command whose caller was killed still writes there
            _remove(self._beside)

    def reached(self) -> Reached | None:
        """State of the clone; None if there is none for these addresses and this revision."""
        noted, revision = self._noted(), self.source.revision
        if noted is None or noted.revision == revision:
            return noted
        is_commit = revision is not None and _COMMIT.fullmatch(revision)
        return noted if is_commit and noted.commit.startswith(revision or "") else None

    def _noted(self) -> Reached | None:
        """State of a clone from one of the source's addresses, at any revision."""
        try:
            noted = Reached(**json.loads((self.folder / NOTE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return noted if noted.address in map(_digest, self.source.git) else None

    def update(self, address: str) -> str:
        """Update the clone to the current state of `address`.

        Returns:
            The full commit id.

        Raises:
            GitCommandError: The update failed; the clone is unchanged.
            NoSuchRevisionError: The repository does not have the revision.
        """
        asked, commit = self._resolve(address)
        noted = self._noted()
        if noted:
            try:
                if self._is_current(noted, address, commit):
                    return self._check_out(self.folder, address, noted.commit)
                return self._replace(address, asked, copied=True)
            except GitCommandError as failure:
                if failure.timed_out:
                    raise
                logger.info(
                    "%s: the clone cannot be updated (%s); making a new one",
                    self.source.name,
                    failure.words,
                )
        try:
            return self._replace(address, asked, _ONLY_TREES)
        except GitCommandError as failure:
            if not failure.no_revision:
                raise
            logger.info("%s: fetching all contents: %s", self.source.name, failure.words)
            return self._replace(address, asked)

    def _resolve(self, address: str) -> tuple[str, str]:
        """The object to request from `address`, and the commit it refers to."""
        revision = self.source.revision
        names = ["HEAD"]
        if revision:
            names = [revision] if revision.startswith("refs/") or revision == "HEAD" else []
            names += [f"refs/heads/{revision}", f"refs/tags/{revision}"]
        output = run_git(
            # For an annotated tag, name^{} is the commit that it points to.
            [
                *("ls-remote", "--quiet", "--", git_address(address)),
                *(name + peeled for name in names for peeled in ("", "^{}")),
            ],
            folder=self.folder.parent,
            timeout_seconds=min(self._timeout_seconds, _ANSWER_SECONDS),
            clone=False,
            look=lambda: self._look(self.folder),
        )
        lines = (line.partition("\t") for line in output.decode(errors="replace").splitlines())
        there = {name: identifier for identifier, _, name in lines}
        for name in names:
            if name in there:
                return there[name], there.get(f"{name}^{{}}", there[name])
        if revision and _COMMIT.fullmatch(revision):
            return revision, revision
        raise NoSuchRevisionError(
            f"no branch, tag or commit {revision!r}" if revision else "no commits yet"
        )

    def _is_current(self, noted: Reached, address: str, commit: str) -> bool:
        """Whether the clone is at this commit and has exactly the files now wanted."""
        sought = (_digest(address), self.source.revision)
        if (noted.address, noted.revision) != sought or not noted.commit.startswith(commit):
            return False
        try:
            written = (self.folder / _SPARSE).read_bytes()
        except OSError:
            return False
        return written == self._patterns(self.folder, noted.commit)

    def _replace(self, address: str, asked: str, *options: str, copied: bool = False) -> str:
        """Make the clone beside, from the objects that are here or from none, and swap."""
        # Never a folder that another git command, whose caller was killed, may still write to.
        new, git = self._beside / uuid4().hex, ".git"
        try:
            if copied:
                unlike = shutil.ignore_patterns("index*", Path(NOTE).name)
                take = partial(_linked_or_copied, self.folder / git / "objects")
                shutil.copytree(
                    self.folder / git, new / git, symlinks=True, ignore=unlike, copy_function=take
                )
            else:
                new.mkdir(parents=True)
                init = ["init", "--quiet", "--template="]
                run_git(init, folder=new, timeout_seconds=self._timeout_seconds, clone=False)
            (new / git / "info").mkdir(exist_ok=True)
            (new / git / "info/attributes").write_text(_ATTRIBUTES, encoding="utf-8")
            commit = self._fetch(new, address, asked, *options)
            (new / _SPARSE).write_bytes(self._patterns(new, commit))
            self._check_out(new, address, commit)
            reached = Reached(_digest(address), self.source.revision, commit)
            (new / NOTE).write_text(json.dumps(asdict(reached)), encoding="utf-8")
            if self.folder.exists():
                self.folder.rename(self._aside)
            new.rename(self.folder)
        finally:
            self.recover()
        return commit

    def _fetch(self, folder: Path, address: str, asked: str, *options: str) -> str:
        """Fetch one commit and its trees; fetch all commits if it cannot be requested by id."""
        fetch = ("fetch", "--no-tags", "--quiet", *options)
        reference = f"+{asked}:{_REFERENCE}"
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        try:
            if not _FULL_COMMIT.fullmatch(asked):
                raise GitCommandError(f"not our ref {asked}")
            self._git(folder, address, *fetch, "--depth=1", "origin", reference)
            asked = _REFERENCE
        except GitCommandError as failure:
            if not failure.no_revision:
                raise
            logger.info("%s: fetching all commits to find %s", self.source.name, asked)
            self._git(folder, address, *fetch, _ALL_HISTORY, "origin", *everything)
        name = f"{asked}^{{commit}}"
        try:
            return self._git(folder, address, "rev-parse", "--verify", name).decode().strip()
        except GitCommandError as failure:
            raise NoSuchRevisionError(f"no commit {asked!r}") from failure

    def _patterns(self, folder: Path, commit: str) -> bytes:
        """The sparse-checkout patterns of the wanted files.

        .gitattributes files are included: git reads them for every path, and would otherwise
        fetch them one by one.
        """
        globs = Globs(self.source)
        return sparse_patterns(
            path
            for path in file_paths(folder, commit, lambda: self._look(folder))
            if path.rpartition("/")[2] == ".gitattributes" or globs.judge(path) is Verdict.WANTED
        )

    def _check_out(self, folder: Path, address: str, commit: str) -> str:
        """Write the wanted files, and restore any that were changed or deleted."""
        self._git(folder, address, "checkout", "--quiet", "--force", "--detach", commit)
        return commit

    def _git(self, folder: Path, address: str, *arguments: str) -> bytes:
        return run_git(
            [
                *("-c", f"remote.origin.url={git_address(address)}"),
                *("-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false"),
                *arguments,
            ],
            folder=folder,
            timeout_seconds=self._timeout_seconds,
            look=lambda: self._look(folder),
        )

    def _look(self, folder: Path) -> None:
        """Report the number of bytes fetched; the git command ends if the progress raises."""
        self._progress(f"fetch {self.source.name}", pack_bytes(folder), None, "B")


def _linked_or_copied(objects: Path, file: str, target: str) -> None:
    """Share what is in git's `objects`, which git writes once and never changes; copy the rest."""
    if objects in Path(file).parents:
        try:
            os.link(file, target)
        except OSError:  # a disk without links
            pass
        else:
            return
    shutil.copy2(file, target)


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def pack_bytes(folder: Path) -> int:
    """Total size of a clone's packs in bytes, including those still being received."""
    total = 0
    for file in (folder / ".git/objects/pack").glob("*"):
        try:
            total += file.stat().st_size
        except OSError:
            continue  # it has been renamed meanwhile
    return total


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        if os.name == "nt":  # Windows does not delete read-only files such as git's packs
            for file in (folder / ".git" / "objects").rglob("*"):
                file.chmod(stat.S_IREAD | stat.S_IWRITE)
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
