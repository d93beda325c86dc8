"""GGUF chat models, run by llama.cpp in this process."""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Generator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import xllamacpp
from pydantic import ConfigDict, Field

from assistant.chat_models.background import Emit, in_turn, read_from_thread
from assistant.chat_models.hardware import free_memory_gb
from assistant.chat_models.local import Finished, LocalChatModel, Request
from assistant.errors import ChatModelError
from assistant.processes import core_count
from assistant.project import as_typed
from assistant.settings import Settings

_LOG = logging.getLogger(__name__)
# Memory for cached prompts of earlier turns; a token takes 12 kB with the 0.5B model and
# 28 kB with the 1.5B model. llama.cpp's default is 8 GB.
_CACHE_MIB = 512
# Tokens read per batch. A cancelled question frees its visitor at once and the engine between
# batches, after two at worst: up to 1.5 s for the 1.5B model on two cores. Reading takes 6 %
# longer than with batches of 256 tokens; with 32 it would take 31 % longer.
_BATCH_TOKENS = 64
_DOWNLOAD = f"Delete the file and download it again: {as_typed('download-model')}"


class Engine:
    """llama.cpp's server, called without the network.

    Concurrent requests wait here, because llama.cpp starts every queued request even if it has
    been cancelled. Answers are produced by a function call. Token counts come over a loopback
    port, which llama.cpp always opens; it is protected by a random key.

    Args:
        file: A GGUF file.
        context_tokens: Context window of each slot.
        threads: Processor threads.
        slots: Requests answered at once.

    Raises:
        ChatModelError: llama.cpp cannot load the file.
    """

    def __init__(self, file: Path, *, context_tokens: int, threads: int, slots: int = 1) -> None:
        self._turns = threading.Semaphore(slots)
        self._key = secrets.token_urlsafe()
        params = _parameters(file, context_tokens, threads, slots)
        params.api_keys = [self._key]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise ChatModelError(
                f"llama.cpp cannot load {file} with a context of {context_tokens * slots} tokens",
                expected="a complete GGUF file of an architecture that llama.cpp supports",
                action=f"{_DOWNLOAD} If it is complete, lower ASSISTANT_CHAT_CONTEXT_TOKENS.",
            ) from error
        self._wait_until_running()

    def _wait_until_running(self) -> None:
        """Generate one token, which shows that the model works.

        A server deleted before its loop is running would block forever: xllamacpp's destructor
        joins the thread.
        """
        body = {"messages": [{"role": "user", "content": "1"}], "max_tokens": 1}
        try:
            self._server.handle_chat_completions(body, lambda _: False)
        except (ValueError, RuntimeError):  # rejected by the chat template; the loop is running
            return

    def chat(self, body: dict[str, Any], emit: Emit[dict[str, Any]]) -> None:
        """Answer a chat completion request; blocks until the end or until `emit` returns True.

        Raises:
            Cancelled: The request was cancelled before its turn.
        """
        with in_turn(self._turns):
            self._server.handle_chat_completions(body, emit)

    def tokenize(self, text: str) -> list[int]:
        """Token IDs of a text, without special tokens."""
        address = urlsplit(self._server.listening_address)
        with closing(HTTPConnection(address.hostname or "", address.port, timeout=30)) as server:
            server.request(
                "POST",
                "/tokenize",
                json.dumps({"content": text}),
                {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"},
            )
            tokens: list[int] = json.load(server.getresponse())["tokens"]
        return tokens


class LlamaCppChatModel(LocalChatModel):
    """A chat model in a GGUF file. Prompts that share a prefix with a recent one start sooner.

    While the model reads or thinks, streams yield empty chunks and can be closed at each.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine = Field(exclude=True, repr=False)

    @property
    def _llm_type(self) -> str:
        return "llama-cpp"

    def get_token_ids(self, text: str) -> list[int]:
        """Token IDs of a text, without special tokens; empty for an empty text.

        Raises:
            ChatModelError: llama.cpp does not answer.
        """
        if not text:
            return []
        try:
            return self.engine.tokenize(text)
        except (OSError, HTTPException, ValueError, KeyError) as error:
            raise ChatModelError(
                f"llama.cpp did not count the tokens of a text: {error}",
                expected="a list of tokens",
                action="Restart the program.",
            ) from error

    def _write(self, request: Request) -> Generator[str | Finished, None, None]:
        body = {
            "messages": request.messages,
            "stop": request.stop,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "cache_prompt": True,
        }
        reason: Literal["stop", "length"] = "stop"
        events: Generator[dict[str, Any], None, None] = read_from_thread(
            lambda emit: self.engine.chat(body, emit), "llama.cpp answer"
        )
        with closing(events):
            try:
                for event in events:
                    _raise_for_error(event)
                    if "prompt_progress" in event:
                        yield ""
                    for choice in event.get("choices", ()):
                        # Thinking yields no text but must still be stoppable.
                        yield choice["delta"].get("content") or ""
                        if choice["finish_reason"] == "length":
                            reason = "length"
                    if usage := event.get("usage"):
                        yield _finished(usage, reason)
            except (ValueError, RuntimeError) as error:
                raise ChatModelError(
                    f"llama.cpp rejected the request: {error}",
                    expected="messages that the model's chat template accepts",
                    action="Choose another model with ASSISTANT_CHAT_MODEL.",
                ) from error


def load(path: Path, settings: Settings) -> LlamaCppChatModel:
    """Load a GGUF file, or the first one in a folder.

    Takes seconds, and as much memory as the file is large.

    Raises:
        ChatModelError: The file is missing, too large or unusable, or a LoRA adapter is set.
    """
    if settings.lora_folder is not None:
        raise ChatModelError(
            f"a LoRA adapter ({settings.lora_folder}) is set for the backend llama_cpp",
            expected="the backend transformers, which supports adapters",
            action="Set ASSISTANT_CHAT_BACKEND=transformers, or unset ASSISTANT_LORA_FOLDER.",
        )
    file = _gguf_file(path)
    _check_memory(file)
    engine = Engine(
        file,
        context_tokens=settings.chat_context_tokens,
        threads=settings.chat_threads or core_count(),
        slots=settings.concurrency or 1,
    )
    return LlamaCppChatModel(
        engine=engine,
        model_name=file.stem,
        temperature=settings.temperature,
        max_tokens=settings.answer_tokens,
    )


def _parameters(file: Path, context_tokens: int, threads: int, slots: int) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx = context_tokens * slots
    params.n_parallel = slots
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_prompt = True
    params.cache_ram_mib = _CACHE_MIB
    params.hostnames = ["127.0.0.1"]
    params.ui = params.endpoint_slots = False
    params.warmup = False
    # llama.cpp writes directly to standard error: either everything or nothing.
    params.verbosity = 3 if _LOG.isEnabledFor(logging.DEBUG) else 0
    return params


def _gguf_file(path: Path) -> Path:
    file = min(path.glob("*.gguf"), default=path / "*.gguf") if path.is_dir() else path
    if not file.is_file():
        raise ChatModelError(
            f"no file {file}",
            expected="a chat model in GGUF format",
            action=f"Correct ASSISTANT_CHAT_MODEL, or run: {as_typed('download-model')}",
        )
    with file.open("rb") as content:
        magic = content.read(4)
    if magic != b"GGUF":
        raise ChatModelError(
            f"{file} starts with {magic!r}", expected="b'GGUF', a GGUF file", action=_DOWNLOAD
        )
    return file


def _check_memory(file: Path) -> None:
    """Fail early, before the system kills the program for lack of memory.

    Raises:
        ChatModelError: The file is larger than the free memory.
    """
    size, free = file.stat().st_size / 1024**3, free_memory_gb()
    if size > free:
        raise ChatModelError(
            f"{file} needs {size:.1f} GB of memory, and {free:.1f} GB are free",
            expected="a model that fits in memory",
            action="Set ASSISTANT_CHAT_MODEL to a smaller model, or close other programs.",
        )


def _raise_for_error(event: dict[str, Any]) -> None:
    if (error := event.get("error")) is None:
        return
    if error.get("type") == "exceed_context_size_error":
        raise ChatModelError(
            f"a prompt of {error['n_prompt_tokens']} tokens",
            expected=f"fewer than {error['n_ctx']}, the model's context",
            action="Ask a shorter question, or raise ASSISTANT_CHAT_CONTEXT_TOKENS.",
        )
    raise ChatModelError(
        f"llama.cpp failed: {error.get('message', error)}",
        expected="an answer",
        action="Ask again; if it keeps happening, choose another model with ASSISTANT_CHAT_MODEL.",
    )


def _finished(usage: dict[str, Any], reason: Literal["stop", "length"]) -> Finished:
    return Finished(
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        reason=reason,
        cached_tokens=usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
    )
