"""Which paths a source wants, by its globs and by names; knows nothing of disks or git.

Globs are matched over whole paths with the wcmatch library: `*` stays within one name,
`**/` is any number of folders, `/**` at the end is all that a folder holds, `{a,b}` is
one of both. Small and capital letters differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from wcmatch import glob as globbing

from assistant.documents import Source

# Lists for pip, CMake and the like, whatever the globs say: `requirements.txt`,
# `requirements_cuda.txt`, `requirements/docs.txt`, `test-requirements.in`.
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
    """Whether a path is wanted; the value is the reason that is counted, if it is."""

    WANTED = ""
    NOT_MATCHED = "not matched"
    REQUIREMENTS = "requirements or build list"
    VOCABULARY = "vocabulary list"


class Globs:
    """The include and exclude globs of one source, made ready."""

    def __init__(self, source: Source) -> None:
        self._include = expression(source.include)
        self._exclude = expression(source.exclude)
        self._excluded_folders = expression(
            [glob for glob in source.exclude if glob.endswith("/**")]
        )

    def judge(self, path: str) -> Verdict:
        """Say whether the source wants `path`, which has forward slashes.

        Lists of requirements and vocabularies that an include glob names are told apart
        even if an exclude glob names them, too, but not inside an excluded folder.
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
    """Turn globs into an expression for whole paths; none match nothing."""
    found, _ = globbing.translate(list(globs), flags=_FLAGS, limit=0)
    return re.compile("|".join(found) or r"(?!)")
