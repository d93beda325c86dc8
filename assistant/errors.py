"""Errors that are shown to people.

Each error states what was found, what was expected and what to do next. Scripts print the
error itself; the page looks up a sentence in the visitor's language by the error's class.
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
        got: What was found, including the offending value or path.
        expected: What would have been valid.
        action: What to do next: a command to run, if there is one.
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
        """The fields a subclass adds, by name, for use in a sentence about the error."""
        said = ("got", "expected", "action")
        return {
            name: value
            for name, value in vars(self).items()
            if name not in said and not name.startswith("_")
        }


class SettingsError(AssistantError):
    """A setting or a command-line argument has an invalid value."""

    exit_code = 2


class SourcesFileError(AssistantError):
    """`sources.toml` is missing or invalid; names the line and the key."""

    exit_code = 2


class SourceError(AssistantError):
    """A source of documents cannot be used; the build continues without it."""


class SourceNotFoundError(SourceError):
    """There is no such folder, or the server responds but has no such repository."""


class SourceUnreachableError(SourceError):
    """The address did not respond in time, or at all."""


class RevisionNotFoundError(SourceError):
    """The repository has no such branch, tag or commit."""


# Reasons to skip a file that lie outside the file: the next build tries it again.
GONE, NO_MEMORY, STOPPED = "not readable", "not enough memory", "converter stopped"
PASSING_REASONS = frozenset((GONE, NO_MEMORY, STOPPED))


class UnreadableFileError(AssistantError):
    """A file has no text that can be indexed; reports count such files by `reason`."""

    def __init__(self, reason: str, got: str, *, expected: str, action: str) -> None:
        super().__init__(got, expected=expected, action=action)
        self.reason = reason


class IndexNotFoundError(AssistantError):
    """There is no index where one was expected."""


class IndexMismatchError(AssistantError):
    """The index was built with another format, embedder, dimension or metric."""


class IndexCorruptError(AssistantError):
    """Part of the index cannot be read, or contradicts the rest."""

    @classmethod
    def of(cls, what: object, why: object) -> IndexCorruptError:
        """Return the error for a file or other part in a state that no finished build leaves.

        Args:
            what: The file or part.
            why: What is wrong with it.
        """
        return cls(
            f"{what} cannot be read: {why}",
            expected="the output of a finished build",
            action=f"Run: {as_typed('build-index')} --rebuild",
        )


class IndexBusyError(AssistantError):
    """Another build is writing this index."""


class IndexWriteError(AssistantError):
    """The index cannot be written: full disk, missing permission or a database error."""


class IndexServerError(AssistantError):
    """The Chroma server that holds the vectors does not respond or rejects the request."""


class ModelNotFoundError(AssistantError):
    """No hub has the model, or it is not in the catalogue."""


class HubError(AssistantError):
    """A hub failed to deliver a model; the next hub is tried."""


class HubUnreachableError(HubError):
    """The hub does not respond."""


class VerificationError(HubError):
    """A downloaded file has the wrong size or SHA-256."""


class ChatModelError(AssistantError):
    """The chat model could not be loaded, or failed while answering."""


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
    """The conversation contains `images` images, which this model cannot read."""

    def __init__(self, images: int) -> None:
        super().__init__(
            f"images in the conversation: {images}",
            expected="text only, since this model does not read images",
            action="Remove the images and ask again.",
        )
        self.images = images


class FilterError(AssistantError):
    """A search filter names a source that is not in the index."""

    exit_code = 2


class ServerError(AssistantError):
    """The page cannot be served, for instance because the port is in use."""


class HostNotAllowedError(AssistantError):
    """A request names a host that this page does not serve."""


class RequestTooLargeError(AssistantError):
    """A request body is larger than anything the page itself sends."""


class TooManyQuestionsError(AssistantError):
    """A visitor asked more questions per minute than the limit allows."""


class BusyError(AssistantError):
    """More questions are waiting for an answer than the limit allows."""
