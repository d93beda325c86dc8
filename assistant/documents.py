"""The vocabulary of the project: plain frozen data; knows nothing of where it is kept.

A `Source` is where documents come from, a `Chunk` a span of one document, a
`SearchHit` a chunk with its score, a `Citation` a hit with the number it has in an
`Answer`. Scores: higher is better, everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Source:
    """A git repository (addresses tried in order) or a local folder of documents."""

    name: str
    git: tuple[str, ...] = ()
    folder: Path | None = None
    revision: str | None = None
    include: tuple[str, ...] = ("**/*.md", "**/*.txt")
    exclude: tuple[str, ...] = ("**/requirements*.txt", "**/CMakeLists.txt", "**/.*/**")
    link: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a source offers; `path` is inside the source, `location` on this machine."""

    source: Source
    path: str
    location: Path
    commit: str


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines of a document that belong together; both ends included, from 1.

    `level` (1 is the top) and `title` are those of a heading.
    """

    kind: Literal["heading", "prose", "code", "table"]
    start_line: int
    end_line: int
    level: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    r"""A file's text with its structure.

    Attributes:
        text: The document with "\\n" line ends; blocks and chunks count its lines.
        blocks: In order, not overlapping; lines in no block hold no prose (blank
            lines, front matter).
        title: From front matter, else the first heading, else empty.
        language: From front matter or the path, else from the text.
        url: From front matter: where the facts come from.
        converted: The text was made from another format, so that its lines are not
            those of the file.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str
    language: Language
    url: str = ""
    converted: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a document, with where it comes from.

    Attributes:
        id: Derived from place and content: the same input gives the same id.
        text: What is shown and cited, as it stands in the document.
        source: Name of the source.
        path: Path inside the source, with forward slashes.
        heading: Titles from the document's top down to this chunk.
        start_line: First line of the document that holds the text, from 1.
        end_line: Last such line, included.
        commit: Commit of the source, empty for a folder.
        url: Where a person can open the lines, empty where there is no such place.
        language: Language of the document.
        token_count: Length of the embedded text in the embedder's tokens.
    """

    id: str
    text: str
    source: str
    path: str
    heading: tuple[str, ...]
    start_line: int
    end_line: int
    commit: str
    url: str
    language: Language
    token_count: int

    @property
    def address(self) -> str:
        """`source/path`, what questions with known sources name."""
        return f"{self.source}/{self.path}"

    @property
    def embedded_text(self) -> str:
        """What the embedder reads: where the chunk stands, then its text."""
        return "\n".join(part for part in (self.context, self.text) if part)

    @property
    def context(self) -> str:
        """Source and heading path in one line."""
        return " > ".join((self.source, *self.heading))


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """What a search is limited to; an empty field does not limit.

    Attributes:
        sources: Names of sources.
        languages: Languages of documents.
        paths: Globs over paths inside a source, such as `docs/**/*.md`.
    """

    sources: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A chunk found for a question; `rank` counts from 1."""

    chunk: Chunk
    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Citation:
    """The hit behind a [number] of an answer."""

    number: int
    hit: SearchHit


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation and the answer that it got."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds from the question on; `first_token` is None where no model was asked."""

    retrieve: float
    first_token: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """First event of an answer: what was found, before the first word.

    `searched_for` is the question as it was looked up: a follow-up made to stand alone.
    """

    hits: tuple[SearchHit, ...]
    answerable: bool
    confidence: float
    searched_for: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer's text, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Last event of an answer: the whole text and what it cites."""

    text: str
    refused: bool
    citations: tuple[Citation, ...] = ()
    timings: Timings = field(default_factory=lambda: Timings(0.0, None, 0.0))
    prompt_tokens: int = 0
    completion_tokens: int = 0


AnswerEvent = Retrieved | Delta | Answer
