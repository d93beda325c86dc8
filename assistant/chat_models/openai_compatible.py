"""Chat models on an OpenAI-compatible server.

LMDeploy, vLLM, llama.cpp, Ollama and many hosted services speak this protocol.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import openai
from langchain_core.messages import AIMessageChunk, BaseMessage, get_buffer_string
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from assistant.chat_models.hanging_up import hang_up_when_cancelled
from assistant.chat_models.openai_errors import readable_errors
from assistant.errors import ChatModelError
from assistant.settings import Settings

_SECONDS_TO_CONNECT = 10
_OF_THE_END = ("finish_reason", "model_name")
_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_OTHER_BYTES_PER_TOKEN = 3.2


class OpenAICompatibleChatModel(BaseChatOpenAI):
    """LangChain's client, with actionable errors and offline token estimates.

    The last chunk of a stream gives the reason why the answer ended. A stream that ends without
    one raises an error after its last text: a server that crashes leaves half an answer that
    looks complete.
    """

    @property
    def _llm_type(self) -> str:
        return "openai-compatible"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"base_url": self.openai_api_base, **self._default_params}

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text, erring high; the server's tokenizer is not available.

        A CJK character counts as one token, and so do 3.2 bytes of other text. The tokenizers
        of InternLM and Qwen use 60 to 80 % of that for prose and nearly 100 % for code.
        """
        cjk = _CJK.findall(text)
        other = len(text.encode(errors="replace")) - sum(len(c.encode()) for c in cjk)
        return len(cjk) + math.ceil(other / _OTHER_BYTES_PER_TOKEN)

    def get_num_tokens_from_messages(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[Any] | None = None,  # noqa: ARG002 (LangChain's signature)
        **_: Any,
    ) -> int:
        """Estimate as `get_num_tokens` does, plus four tokens for each message."""
        return sum(self.get_num_tokens(get_buffer_string([message])) + 4 for message in messages)

    def get_token_ids(self, text: str) -> list[int]:  # noqa: ARG002 (LangChain's signature)
        """Not supported: only the server knows its token IDs.

        Raises:
            ChatModelError: Always.
        """
        raise ChatModelError(
            "a server does not expose its token IDs",
            expected="a token count",
            action="Use get_num_tokens.",
        )

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with readable_errors(str(self.openai_api_base), self.model_name):
            ending = _Ending()
            for chunk in super()._stream(*args, **kwargs):
                yield ending.without_reason(chunk)
            yield ending.last_chunk()

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        with readable_errors(str(self.openai_api_base), self.model_name):
            return super()._generate(*args, **kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        with readable_errors(str(self.openai_api_base), self.model_name):
            ending = _Ending()
            async for chunk in super()._astream(*args, **kwargs):
                yield ending.without_reason(chunk)
            yield ending.last_chunk()

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        with readable_errors(str(self.openai_api_base), self.model_name):
            return await super()._agenerate(*args, **kwargs)


def load(model: str, settings: Settings) -> OpenAICompatibleChatModel:
    """Create a client for the server; for the model "auto", ask for the server's first model.

    Raises:
        ChatModelError: The address is missing, the address or the key is invalid, or the
            server did not answer when asked for its models.
    """
    address, key = settings.openai_base_url.strip(), settings.openai_api_key.strip() or "none"
    _check(address, key)
    with readable_errors(address, model):
        return OpenAICompatibleChatModel(
            model=_first_model(address, key) if model == "auto" else model,
            base_url=address,
            api_key=SecretStr(key),
            temperature=settings.temperature,
            max_tokens=settings.answer_tokens,
            stream_usage=True,
            use_responses_api=False,
            timeout=openai.Timeout(settings.chat_timeout_seconds, connect=_SECONDS_TO_CONNECT),
            stream_chunk_timeout=settings.chat_timeout_seconds,
            max_retries=1,
            **_clients(address),
        )


class _Ending:
    """Holds the finish reason back for the last chunk; servers send it before the usage."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}
        self._came = False

    def without_reason(self, chunk: ChatGenerationChunk) -> ChatGenerationChunk:
        """The chunk without its finish reason, which `last_chunk` repeats."""
        self._came = self._came or bool(chunk.text)
        told = chunk.generation_info or {}
        if "finish_reason" in told:
            self._told = {name: told.pop(name) for name in _OF_THE_END if name in told}
        return chunk

    def last_chunk(self) -> ChatGenerationChunk:
        """An empty chunk with the finish reason.

        Raises:
            ConnectionResetError: Text came, but no finish reason.
            ValueError: Neither text nor a finish reason came.
        """
        if not self._told and self._came:
            raise ConnectionResetError("the answer ended without a finish_reason")
        if not self._told:
            raise ValueError("the stream of the answer was empty")
        message = AIMessageChunk(content="", chunk_position="last")
        return ChatGenerationChunk(message=message, generation_info=self._told)


def _check(address: str, key: str) -> None:
    if not address:
        raise ChatModelError(
            "the backend openai_compatible has no address",
            expected="the address of a server",
            action="Set ASSISTANT_OPENAI_BASE_URL, for instance to http://127.0.0.1:23333/v1.",
        )
    if not _is_address(address):
        raise ChatModelError(
            f"{address} is not a server address",
            expected="an address such as http://127.0.0.1:23333/v1",
            action="Correct ASSISTANT_OPENAI_BASE_URL.",
        )
    if not (key.isascii() and key.isprintable()):
        raise ChatModelError(
            "the key has characters that cannot be sent",
            expected="printable ASCII characters on one line",
            action="Correct ASSISTANT_OPENAI_API_KEY.",
        )


def _is_address(text: str) -> bool:
    try:
        address = urlsplit(text)
        return address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        return False


def _clients(address: str) -> dict[str, Any]:
    """HTTP clients; a server on this machine is reached without the environment's proxy."""
    through_proxy = urlsplit(address).hostname not in _THIS_MACHINE
    clients: dict[str, Any] = {
        "http_socket_options": (),  # otherwise LangChain warns about a proxy in the environment
        "http_client": openai.DefaultHttpxClient(
            trust_env=through_proxy, event_hooks={"request": [hang_up_when_cancelled]}
        ),
    }
    if not through_proxy:
        clients["http_async_client"] = openai.DefaultAsyncHttpxClient(trust_env=False)
    return clients


def _first_model(address: str, key: str) -> str:
    client = openai.OpenAI(
        base_url=address,
        api_key=key,
        timeout=_SECONDS_TO_CONNECT,
        max_retries=1,
        http_client=_clients(address)["http_client"],
    )
    with client:
        models = client.models.list().data
    if not models:
        raise ChatModelError(
            f"{address} offers no models",
            expected="at least one model",
            action="Set ASSISTANT_CHAT_MODEL to the name of the server's model.",
        )
    return models[0].id
