"""Selects the paths of a source by its include and exclude globs.

Globs match whole paths, case-sensitively, with the wcmatch library: `*` stays within one
name, `**/` matches any number of folders, a final `/**` matches everything in a folder, and
`{a,b}` matches either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from wcmatch import glob as globbing

from assistant.documents import Source

# Lists for pip, CMake and the like, never wanted: `requirements.txt`, `requirements_cuda.txt`,
# `requirements/docs.txt`, `test-requirements.in`.
_REQUIREMENTS = re.compile(
    r"(?:.*[-_.])?(?:requirements?|constraints?)(?:[-_.].*)?\.(?:txt|in)|CMakeLists\.txt",
    re.IGNORECASE,
)
_REQUIREMENTS_FOLDER = re.compile(r"(?:.*/)?(?:requirements|reqs)/[^/]+\.(?:txt|in)", re.IGNORECASE)
# Tokenizer lists: `vocab.txt`, `bpe_vocab.txt`, `vocab-zh.txt`, `merges.txt`.
_VOCABULARY = re.compile(
    r"(?:.*[-_.])?(?:vocab|vocabs|vocabulary|merges)(?:[-_.].*)?\.txt", re.IGNORECASE
)

_FLAGS = globbing.GLOBSTAR | globbing.DOTGLOB | globbing.BRACE | globbing.CASE | globbing.FORCEUNIX


class Verdict(Enum):
    """Whether a path is wanted; the value is the reason to skip it, as reported."""

    WANTED = ""
    NOT_MATCHED = "not matched"
    REQUIREMENTS = "requirements or build list"
    VOCABULARY = "vocabulary list"


class Globs:
    """The compiled include and exclude globs of one source."""

    def __init__(self, source: Source) -> None:
        self._include = expression(source.include)
        self._exclude = expression(source.exclude)
        self._excluded_folders = expression(
            [glob for glob in source.exclude if glob.endswith("/**")]
        )

    def judge(self, path: str) -> Verdict:
        """Decide whether the source wants `path`, which uses forward slashes.

        Requirements and vocabulary lists that an include glob matches get their own verdict
        even if an exclude glob also matches, but not inside an excluded folder.
        """
        if not self._include.match(path) or self._excluded_folders.match(path):
            return Verdict.NOT_MATCHED
        name = path.rpartition("/")[2]
        if _REQUIREMENTS.fullmatch(name) or _REQUIREMENTS_FOLDER.fullmatch(path):
            return Verdict.REQUIREMENTS
        if _VOCABULARY.fullmatch(name):
            return Verdict.VOCABULARY
        return Verdict.NOT_MATCHED if self._exclude.match(path) else Verdict.WANTED

    def excludes_folder(self, path: str) -> bool:
        """Whether nothing inside the folder `path` can be wanted."""
        return bool(self._excluded_folders.match(f"{path}/any"))


def expression(globs: Sequence[str]) -> re.Pattern[str]:
    """Compile globs to one pattern, to be used with `match`; no globs match nothing."""
    found, _ = globbing.translate(list(globs), flags=_FLAGS, limit=0)
    return re.compile("|".join(found) or r"(?!)")
