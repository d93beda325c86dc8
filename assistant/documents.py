"""The data types that all packages share.

A `Source` provides documents, a `Chunk` is a span of one document, a `SearchHit` a chunk with
its score, and a `Citation` a hit with the number an answer cites it by. `Retrieved` holds the
search results for a `Question`; `Answer` is the text written from them. Higher scores are
better.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

if TYPE_CHECKING:  # code that only reads files does not load numpy
    import numpy as np
    from numpy.typing import NDArray

Language = Literal["zh", "en"]
# "stop": the model finished by itself; "length" and "time": a limit cut the answer off.
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
    """A file of a source; `path` is relative to the source, `location` is its path on disk."""

    source: Source
    path: str
    location: Path
    commit: str

    @property
    def address(self) -> str:
        """`source/path`, as in `Chunk.address`."""
        return f"{self.source.name}/{self.path}"


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines of a document that belong together, inclusive and counted from 1.

    Only headings have a `level` (1 is the top) and a `title`.
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
        text: The document with "\\n" line ends; blocks and chunks refer to its lines.
        blocks: In order, without overlap; lines outside every block hold no prose (blank
            lines, front matter).
        title: From front matter, otherwise the first heading; empty if there is neither.
        language: From front matter or the path, otherwise detected from the text.
        url: From front matter: the origin of the document's facts.
        converted: True if the text was converted from another format, so that its line
            numbers are not the file's.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str
    language: Language
    url: str = ""
    converted: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a document and its origin.

    Attributes:
        id: Derived from position and content: the same input gives the same id.
        text: The text that is shown and cited, unchanged from the document.
        source: Name of the source.
        path: Path inside the source, with forward slashes.
        heading: Titles of the enclosing headings, outermost first.
        start_line: First line of the text in the document, from 1.
        end_line: Last line of the text, inclusive.
        commit: Commit of the source; empty for a folder.
        url: Address that opens these lines; empty if there is none.
        language: Language of the document.
        token_count: Length of the embedded text in the embedder's tokens.
        page: Page number, from 1; None for documents without pages.
        box: Area on that page as (left, top, right, bottom), in fractions of its width and
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
        """`source/path`, the form in which evaluation questions name documents."""
        return f"{self.source}/{self.path}"

    @property
    def embedded_text(self) -> str:
        """The embedder's input: the context line, then the text."""
        return "\n".join(part for part in (self.context, self.text) if part)

    @property
    def context(self) -> str:
        """Source name and headings, joined by " > "."""
        return " > ".join((self.source, *self.heading))


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """Restrictions on a search; an empty field does not restrict.

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
    """A hit and the number an answer cites it by, which may differ from its rank."""

    number: int
    hit: SearchHit


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signals for and against the knowledge base having an answer.

    Attributes:
        similarity: Highest cosine similarity of a passage to the question.
        coverage: Weighted share of the question's words that occur in the first hit.
        agreement: Best BM25 score among the passages nearest by vector, divided by the
            highest BM25 score; 1 if both rankings put the same passage first.
        unknown_names: Number of words in Latin letters that occur in no passage; in a small
            index each counts less than one, since absence means less there.
        missing_name: Weight of the rarest word in Latin letters that a hit lacks, for the
            hit that lacks least, divided by the greatest weight in this index, or in a
            large one if this one is small (`assistant.retriever.evidence`).
        length: Logarithm of one plus the number of words in the question.
    """

    similarity: float
    coverage: float
    agreement: float
    unknown_names: float
    missing_name: float
    length: float


@dataclass(frozen=True, slots=True)
class Question:
    """A person's question: its text and any images attached to it."""

    text: str
    images: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question of a conversation and its answer."""

    question: Question
    answer: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the question arrived; `first_token` is None if no model was used."""

    retrieve: float
    first_token: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The search results for a question, and whether they can answer it.

    Attributes:
        question: The question, without characters that tokenizers reject.
        history: The turns before it, oldest first.
        language: Language of the original question.
        searched_for: The search text: follow-up questions are rewritten to stand alone.
        hits: Search hits, best first.
        answerable: Whether the evidence suffices for an answer.
        confidence: Probability that the knowledge base has an answer, from 0 to 1.
        evidence: The signals the probability was computed from.
        vector: (dimension,) embedding of `searched_for`, L2-normalised.
        index_version: Name of the index version that was searched.
        milliseconds: Duration of the search.
        first_number: Citation number of the first hit; later hits count up from it.
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
        """The hits with the numbers an answer may cite them by."""
        numbered = enumerate(self.hits, start=self.first_number)
        return tuple(Citation(number, hit) for number, hit in numbered)


@dataclass(frozen=True, slots=True)
class Step:
    """An intermediate step towards an answer; `kind` classifies it, such as "search"."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer's text, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The last event of an answer: the complete text and its citations.

    Attributes:
        refused: Whether the text only says that the knowledge base has no answer.
        citations: In the order in which the text cites them.
        id: Unique for each answer.
        model: Name of the chat model; empty if none was used.
        index_version: Name of the index version the passages came from.
        finish_reason: Why the text ended.
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
