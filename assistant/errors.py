"""The errors a person sees; knows nothing of who shows them or in which language.

Each error says what was got, what was expected and what to do next. The page looks
up a sentence in the visitor's language by the error's class; scripts print the error.
"""

from __future__ import annotations

from tokenize import TokenError

from assistant.project import as_typed

# What numpy, bm25s and json raise for files that are missing, cut off or damaged.
UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError),
    *(RuntimeError, SyntaxError, TokenError),
)


class AssistantError(Exception):
    """Base of all errors meant to be read by a person.

    Args:
        got: What was found, with the value or path that was the matter.
        expected: What should have been there.
        action: What to do now, a command to type where there is one.
    """

    exit_code = 1

    def __init__(self, got: str, *, expected: str, action: str) -> None:
        super().__init__(got, expected, action)
        self.got = got
        self.expected = expected
        self.action = action

    def __str__(self) -> str:
        return f"{self.got} (expected: {self.expected}). {self.action}"

    @property
    def facts(self) -> dict[str, object]:
        """The fields that a class adds, by name: values for a sentence about the error."""
        said = ("got", "expected", "action")
        return {
            name: value
            for name, value in vars(self).items()
            if name not in said and not name.startswith("_")
        }


class SettingsError(AssistantError):
    """A setting, or a command's argument, has a value that cannot be used."""

    exit_code = 2


class SourcesFileError(AssistantError):
    """`sources.toml` is missing or invalid; names the line and the key."""

    exit_code = 2


class SourceError(AssistantError):
    """A source of documents cannot be used; the build goes on with the others."""


class SourceNotFoundError(SourceError):
    """The address answers, and there is no such repository or folder."""


class SourceUnreachableError(SourceError):
    """The address does not answer, in time or at all."""


class RevisionNotFoundError(SourceError):
    """The repository has no such branch, tag or commit."""


# Reasons to leave a file out that are not the file's: it may be read next time.
GONE, NO_MEMORY, STOPPED = "not readable", "not enough memory", "converter stopped"
PASSING_REASONS = frozenset((GONE, NO_MEMORY, STOPPED))


class UnreadableFileError(AssistantError):
    """A file has no text that can be indexed; `reason` is the word it is counted under."""

    def __init__(self, reason: str, got: str, *, expected: str, action: str) -> None:
        super().__init__(got, expected=expected, action=action)
        self.reason = reason


class IndexNotFoundError(AssistantError):
    """There is no index where one was expected."""


class IndexMismatchError(AssistantError):
    """The index was built with another format, embedder, dimension or metric."""


class IndexCorruptError(AssistantError):
    """A part of the index cannot be read, or does not agree with the others."""

    @classmethod
    def of(cls, what: object, why: object) -> IndexCorruptError:
        """The error of a file, or of another part, that no finished build can have written so."""
        return cls(
            f"{what} cannot be read: {why}",
            expected="what a finished build wrote",
            action=f"Run: {as_typed('build-index')} --rebuild",
        )


class IndexBusyError(AssistantError):
    """Another build is writing this index."""


class IndexWriteError(AssistantError):
    """The index cannot be written: full disk, no permission, or a database that refuses."""


class IndexServerError(AssistantError):
    """The Chroma server that holds the vectors does not answer, or refuses."""


class ModelNotFoundError(AssistantError):
    """No hub has the model, or it is not in the catalogue."""


class HubError(AssistantError):
    """One hub failed to give a model; the next hub is tried."""


class HubUnreachableError(HubError):
    """The hub does not answer."""


class VerificationError(HubError):
    """What arrived is not the file that was asked for (size or SHA-256)."""


class ChatModelError(AssistantError):
    """The chat model cannot be loaded or failed while answering."""


class QuestionError(AssistantError):
    """The question cannot be used, for instance because it is empty."""

    exit_code = 2


class QuestionTooLongError(QuestionError):
    """The question has `characters` characters, more than `limit`."""

    def __init__(self, characters: int, limit: int) -> None:
        super().__init__(
            f"the question has {characters} characters",
            expected=f"at most {limit}",
            action="Shorten it and send it again.",
        )
        self.characters = characters
        self.limit = limit


class ImagesNotReadError(QuestionError):
    """The conversation holds `images` images, and nothing here reads them."""

    def __init__(self, images: int) -> None:
        super().__init__(
            f"images in the question or before it: {images}",
            expected="text only, as this model reads no images",
            action="Ask without them.",
        )
        self.images = images


class FilterError(AssistantError):
    """A search is limited to a source that the index does not have."""

    exit_code = 2


class ServerError(AssistantError):
    """The page cannot be served, for instance because the port is in use."""


class HostNotAllowedError(AssistantError):
    """A request asks for the page under a host name that is not this page's."""


class RequestTooLargeError(AssistantError):
    """A request has a larger body than anything that the page sends."""


class TooManyQuestionsError(AssistantError):
    """One visitor asks more questions a minute than the owner allows."""


class BusyError(AssistantError):
    """More questions wait for an answer than the owner allows."""
