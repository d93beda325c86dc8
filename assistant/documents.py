"""The vocabulary of the project, as plain frozen data.

A `Source` is where documents come from, a `Chunk` a span of one document, a `SearchHit` a
chunk with its score, a `Citation` a hit under the number that an answer cites it by.
`Retrieved` is what was found for a `Question`, and `Answer` what was written from it.
Scores: higher is better, everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

if TYPE_CHECKING:  # whoever only reads files does without numpy
    import numpy as np
    from numpy.typing import NDArray

Language = Literal["zh", "en"]
# "stop": the model came to its end; "length" and "time": a limit ended the answer.
FinishReason = Literal["stop", "length", "time", "refused"]


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
        page: Page of a document that has pages, from 1.
        box: Place on that page as (left, top, right, bottom), in shares of its width and
            height from the top left corner.
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
    page: int | None = None
    box: tuple[float, float, float, float] | None = None

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
    """A hit and the number that an answer cites it by, which need not be its rank."""

    number: int
    hit: SearchHit


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for and against an answer being in the knowledge base.

    Attributes:
        similarity: Highest cosine of a passage to the question.
        coverage: Share of the question's words, by their weight, that the first hit has.
        agreement: BM25 of the best of the passages nearest by vector, as a share of the
            highest BM25: 1 where both rankings have the same passage in front.
        unknown_names: Number of words in Latin letters that no passage has; each counts
            less than one in a small index, where being absent says less.
        missing_name: Weight of the rarest word in Latin letters that a hit lacks, for the
            hit that lacks least, as a share of the greatest weight there is in this index,
            or in a large one if this one is small (`assistant.retriever.evidence`).
        length: Logarithm of the number of the question's words, plus one.
    """

    similarity: float
    coverage: float
    agreement: float
    unknown_names: float
    missing_name: float
    length: float


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks: a text, and pictures that belong to it."""

    text: str
    images: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation and the answer that it got."""

    question: Question
    answer: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the question was asked; `first_token` is None if no model was asked."""

    retrieve: float
    first_token: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found for a question, and whether it can be answered from that.

    Attributes:
        question: As it was asked, in characters that tokenizers accept.
        history: The turns before it, oldest first.
        language: Language of the question as it was asked.
        searched_for: What was looked up: a follow-up question is made to stand alone.
        hits: Best first.
        answerable: Whether the evidence is enough for an answer.
        confidence: Probability that the knowledge base has an answer, from 0 to 1.
        evidence: What the probability was computed from.
        vector: (dimension,) embedding of `searched_for`, L2-normalised.
        index_version: Name of the version of the index that was searched.
        milliseconds: Time that it took.
        first_number: Number of the first hit in the answer; the others follow.
    """

    question: Question
    history: tuple[Turn, ...]
    language: Language
    searched_for: str
    hits: tuple[SearchHit, ...]
    answerable: bool
    confidence: float
    evidence: Evidence
    vector: NDArray[np.float32] = field(compare=False)
    index_version: str
    milliseconds: float
    first_number: int = 1

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The hits under the numbers that an answer may cite them by."""
        numbered = enumerate(self.hits, start=self.first_number)
        return tuple(Citation(number, hit) for number, hit in numbered)


@dataclass(frozen=True, slots=True)
class Step:
    """Something done on the way to an answer; `kind` says what, such as "search"."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer's text, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Last event of an answer: the whole text and what it cites.

    Attributes:
        refused: Whether it only says that the knowledge base has no answer.
        citations: In the order in which the text cites them.
        id: Different for each answer.
        model: Name of the chat model; empty where none was asked.
        index_version: Name of the version of the index that it was written from.
        finish_reason: Why it ended.
    """

    text: str
    refused: bool
    citations: tuple[Citation, ...] = ()
    timings: Timings = field(default_factory=lambda: Timings(0.0, None, 0.0))
    prompt_tokens: int = 0
    completion_tokens: int = 0
    id: str = field(default_factory=lambda: uuid4().hex)
    model: str = ""
    index_version: str = ""
    finish_reason: FinishReason = "stop"

    @property
    def cut(self) -> bool:
        """Whether a limit ended it before its end."""
        return self.finish_reason in ("length", "time")


# Any number of `Retrieved`, `Step` and `Delta`, then one `Answer`.
AnswerEvent = Retrieved | Step | Delta | Answer
