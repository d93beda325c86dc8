"""Readable errors for failures of an OpenAI-compatible server, or of the connection to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import openai

from assistant.cancellation import Cancelled, current
from assistant.errors import ChatModelError

# Exceptions of httpx or httpx2, whichever the client uses.
_BROKEN_OFF = {"RemoteProtocolError", "ReadError"}


@contextmanager
def readable_errors(address: str, model: str) -> Iterator[None]:
    """Turn the client's exceptions into readable ones.

    A malformed response makes the client raise TypeError, ValueError or AttributeError.

    Raises:
        ChatModelError: The server, or the connection to it, failed.
        Cancelled: The error was caused by closing the connection of a cancelled answer.
    """
    try:
        yield
    except (
        *(openai.OpenAIError, TimeoutError, ConnectionResetError),
        *(ValueError, TypeError, AttributeError),
    ) as error:
        if (cancellation := current()) and cancellation.cancelled:
            raise Cancelled from error
        raise _readable(error, address, model) from error


def _readable(error: Exception, address: str, model: str) -> ChatModelError:
    """Readable error for a failure of the server or of the connection to it."""
    reason: BaseException = error
    while isinstance(reason, openai.APIConnectionError) and reason.__cause__:
        reason = reason.__cause__
    if type(reason).__name__ in _BROKEN_OFF:
        reason = ConnectionResetError(str(reason))
    _, got, expected, action = next(
        row for row in _SENTENCES if isinstance(reason, row[0]) or isinstance(error, row[0])
    )
    names = {"address": address, "model": model, "error": str(reason) or error}
    return ChatModelError(got.format(**names), expected=expected, action=action.format(**names))


# From specific to general: the first match is used.
_SENTENCES: tuple[tuple[type[Exception], str, str, str], ...] = (
    (
        openai.APITimeoutError,
        "{address} did not answer in time",
        "an answer within ASSISTANT_CHAT_TIMEOUT_SECONDS",
        "Ask again later, or raise that setting.",
    ),
    (
        TimeoutError,
        "{address} stopped answering",
        "a token within ASSISTANT_CHAT_TIMEOUT_SECONDS",
        "Ask again later, or raise that setting.",
    ),
    (
        ConnectionResetError,
        "{address} closed the connection: {error}",
        "a complete answer",
        "Ask again; if it keeps happening, look at the server's log.",
    ),
    (
        openai.APIConnectionError,
        "{address} cannot be reached: {error}",
        "a running server",
        "Start it (lmdeploy serve api_server MODEL), or correct ASSISTANT_OPENAI_BASE_URL.",
    ),
    (
        openai.AuthenticationError,
        "{address} rejected the key",
        "a key that the server accepts",
        "Set ASSISTANT_OPENAI_API_KEY.",
    ),
    (
        openai.PermissionDeniedError,
        "{address} does not allow this key to use {model}",
        "a key with permission to use the model",
        "Set ASSISTANT_OPENAI_API_KEY, or choose another ASSISTANT_CHAT_MODEL.",
    ),
    (
        openai.NotFoundError,
        "{address} has no model {model}, or the address is wrong: {error}",
        "a model on that server, and an address, which for most servers ends in /v1",
        "Set ASSISTANT_CHAT_MODEL=auto to use the server's model, or correct "
        "ASSISTANT_OPENAI_BASE_URL.",
    ),
    (
        openai.RateLimitError,
        "{address} is receiving too many requests",
        "a request within the server's rate limit",
        "Ask again in a minute.",
    ),
    (
        openai.BadRequestError,
        "{address} rejected the request: {error}",
        "a prompt that fits the model's context",
        "Ask a shorter question, or lower ASSISTANT_PASSAGES_TOKENS.",
    ),
    (
        openai.OpenAIError,
        "{address} failed: {error}",
        "an answer",
        "Ask again; if it keeps happening, look at the server's log.",
    ),
    (
        Exception,
        "{address} does not answer as expected: {error}",
        "an OpenAI-compatible server, whose address usually ends in /v1",
        "Correct ASSISTANT_OPENAI_BASE_URL, or look at the server's log.",
    ),
)
