"""Sentences for what an OpenAI-compatible server, or the way to it, does wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import openai

from assistant.cancellation import Cancelled, current
from assistant.errors import ChatModelError

# Of httpx or httpx2, whichever the client is made with.
_BROKEN_OFF = {"RemoteProtocolError", "ReadError"}


@contextmanager
def readable_errors(address: str, model: str) -> Iterator[None]:
    """The clients raise TypeError and the like where an answer is not of OpenAI's form.

    Raises:
        ChatModelError: With a sentence for the error.
        Cancelled: The error came of hanging up.
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
    """A sentence for what the server or the way to it did."""
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


# From the particular to the general: the first that fits is used.
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
        "a word within ASSISTANT_CHAT_TIMEOUT_SECONDS",
        "Ask again later, or raise that setting.",
    ),
    (
        ConnectionResetError,
        "{address} broke the connection off: {error}",
        "a whole answer",
        "Ask again; if it stays, look at the server's log.",
    ),
    (
        openai.APIConnectionError,
        "{address} cannot be reached: {error}",
        "a running server",
        "Start it (lmdeploy serve api_server MODEL), or correct ASSISTANT_OPENAI_BASE_URL.",
    ),
    (
        openai.AuthenticationError,
        "{address} refused the key",
        "a key that the server knows",
        "Set ASSISTANT_OPENAI_API_KEY.",
    ),
    (
        openai.PermissionDeniedError,
        "{address} does not let this key use {model}",
        "a key with the right to",
        "Set ASSISTANT_OPENAI_API_KEY, or choose another ASSISTANT_CHAT_MODEL.",
    ),
    (
        openai.NotFoundError,
        "{address} has no model {model}, or no such address: {error}",
        "a model of that server, and an address that ends in /v1 with most servers",
        "Set ASSISTANT_CHAT_MODEL=auto to take the server's, or correct ASSISTANT_OPENAI_BASE_URL.",
    ),
    (
        openai.RateLimitError,
        "{address} has too many requests",
        "a free place",
        "Ask again in a minute.",
    ),
    (
        openai.BadRequestError,
        "{address} refused the request: {error}",
        "a prompt that fits the model's context",
        "Ask a shorter question, or lower ASSISTANT_PASSAGES_TOKENS.",
    ),
    (
        openai.OpenAIError,
        "{address} failed: {error}",
        "an answer",
        "Ask again; if it stays, look at the server's log.",
    ),
    (
        Exception,
        "{address} does not answer as expected: {error}",
        "an OpenAI-compatible server, at an address that ends in /v1 with most of them",
        "Correct ASSISTANT_OPENAI_BASE_URL, or look at the server's log.",
    ),
)
