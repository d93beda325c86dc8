"""Base class of the chat models that run in this process."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    UsageMetadata,
    convert_to_openai_messages,
)
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field

from assistant.errors import ChatModelError


@dataclass(frozen=True, slots=True)
class Finished:
    """Last item of an answer's stream: token counts and the reason it ended.

    `cached_tokens` is the part of `input_tokens` that came from the prompt cache.
    """

    input_tokens: int
    output_tokens: int
    reason: Literal["stop", "length"]
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One request to an engine: messages in OpenAI's format and generation options."""

    messages: list[dict[str, Any]]
    stop: list[str]
    temperature: float
    max_tokens: int


class LocalChatModel(BaseChatModel):
    """A LangChain chat model on top of `_write`, which each engine implements.

    Attributes:
        model_name: Name for display and traces; not a path.
        temperature: Sampling temperature; 0 always gives the same answer.
        max_tokens: Maximum tokens in an answer.
        stop: Stop sequences; the answer ends before the first one.
    """

    model_name: str
    temperature: float = 0.0
    max_tokens: int = 512
    stop: list[str] = Field(default_factory=list)

    @abstractmethod
    def _write(self, request: Request) -> Generator[str | Finished, None, None]:
        """Yield the answer's text as it is written, then one `Finished`.

        Empty strings may come while the prompt is being read. Closing the generator stops
        the engine.
        """

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.model_name,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "stop": self.stop,
        }

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = self._request(messages, stop, **kwargs)
        piece: str | Finished = ""
        with closing(self._write(request)) as pieces:
            for piece in pieces:
                chunk = self._chunk(piece)
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        if not isinstance(piece, Finished):
            raise ChatModelError(
                f"{self.model_name} ended its answer without giving a reason",
                expected="a complete answer",
                action="Ask again; if it keeps happening, choose another model with "
                "ASSISTANT_CHAT_MODEL.",
            )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, **kwargs: Any
    ) -> Request:
        converted = convert_to_openai_messages(messages, text_format="string")
        return Request(
            messages=converted if isinstance(converted, list) else [converted],
            stop=[text for text in (self.stop if stop is None else stop) if text],
            temperature=kwargs.get("temperature", self.temperature),
            max_tokens=kwargs.get("max_tokens", self.max_tokens),
        )

    def _chunk(self, piece: str | Finished) -> ChatGenerationChunk:
        if isinstance(piece, str):
            return ChatGenerationChunk(message=AIMessageChunk(content=piece))
        usage = UsageMetadata(
            input_tokens=piece.input_tokens,
            output_tokens=piece.output_tokens,
            total_tokens=piece.input_tokens + piece.output_tokens,
            input_token_details={"cache_read": piece.cached_tokens},
        )
        metadata = {"finish_reason": piece.reason, "model_name": self.model_name}
        message = AIMessageChunk(
            content="", usage_metadata=usage, response_metadata=metadata, chunk_position="last"
        )
        return ChatGenerationChunk(message=message, generation_info=metadata)
