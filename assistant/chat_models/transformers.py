"""Chat models in a local folder, run by transformers."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from pydantic import ConfigDict, Field, PrivateAttr
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
    TextStreamer,
)

from assistant.cancellation import Cancelled
from assistant.chat_models.background import Emit, in_turn, read_from_thread
from assistant.chat_models.local import Finished, LocalChatModel, Request
from assistant.chat_models.stopping import StopFilter
from assistant.errors import ChatModelError
from assistant.processes import core_count
from assistant.project import as_typed
from assistant.settings import Settings

_REASON_CHARS = 200  # torch lists every tensor whose shape differs
_LOADING_ERRORS = (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError)
_OUT_OF_MEMORY = (
    "Set ASSISTANT_LOAD_IN_4BIT=true, or ASSISTANT_CHAT_MODEL to a smaller model, "
    "or lower ASSISTANT_PASSAGES_TOKENS."
)


class TransformersChatModel(LocalChatModel):
    """A causal language model and its tokenizer; answers one request at a time.

    Attributes:
        network: The model.
        tokenizer: Its tokenizer, with a chat template.
        context_tokens: Maximum tokens of prompt and answer together.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    network: Any = Field(exclude=True, repr=False)
    tokenizer: PreTrainedTokenizerBase = Field(exclude=True, repr=False)
    context_tokens: int = 4096
    _turns: threading.Semaphore = PrivateAttr(default_factory=threading.Semaphore)

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def get_token_ids(self, text: str) -> list[int]:
        """Token IDs of a text, without special tokens; empty for an empty text."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _write(self, request: Request) -> Generator[str | Finished, None, None]:
        inputs = self._inputs(request.messages)

        def work(emit: Emit[str | Finished]) -> None:
            with in_turn(self._turns), _asked_while_reading(self.network, lambda: emit(None)):
                emit(self._answer(inputs, request, emit))

        pieces: Generator[str | Finished, None, None]
        pieces = read_from_thread(work, "transformers answer")
        with closing(pieces):
            try:
                yield from pieces
            except (torch.OutOfMemoryError, MemoryError) as error:
                raise _out_of_memory(error) from error
            except (RuntimeError, ValueError) as error:
                raise ChatModelError(
                    f"the model {self.model_name} failed: {error}",
                    expected="an answer",
                    action="Choose another model with ASSISTANT_CHAT_MODEL.",
                ) from error

    def _inputs(self, messages: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        try:
            encoded: Any = self.tokenizer.apply_chat_template(
                messages,
                add_generation_prompt=True,
                return_tensors="pt",
                return_dict=True,
                # Known control tokens are neutralised earlier; this covers the model's own.
                sanitize_control_tokens=True,
            )
        except (TemplateError, ValueError) as error:
            raise ChatModelError(
                f"the chat template of {self.model_name} rejected the messages: {error}",
                expected="a template that accepts system, user and assistant messages",
                action="Choose another model with ASSISTANT_CHAT_MODEL.",
            ) from error
        count = encoded["input_ids"].shape[1]
        if count >= self.context_tokens:
            raise ChatModelError(
                f"a prompt of {count} tokens",
                expected=f"fewer than {self.context_tokens}, the model's context",
                action="Ask a shorter question, or raise ASSISTANT_CHAT_CONTEXT_TOKENS.",
            )
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    def _answer(
        self, inputs: dict[str, torch.Tensor], request: Request, emit: Emit[str | Finished]
    ) -> Finished:
        """Generate the answer, passing its text to `emit`; blocks."""
        read = inputs["input_ids"].shape[1]
        limit = min(request.max_tokens, self.context_tokens - read)
        stopping = StopFilter(request.stop)
        ends = self._end_tokens()
        sequences = self.network.generate(
            **{name: tensor.to(self.network.device) for name, tensor in inputs.items()},
            **_sampling(request.temperature),
            max_new_tokens=limit,
            eos_token_id=ends,
            pad_token_id=ends[0] if ends else 0,
            streamer=_Streamer(self.tokenizer, lambda text: emit(stopping.feed(text) or None)),
            stopping_criteria=StoppingCriteriaList(
                [_Ending(lambda: stopping.stopped or emit(None))]
            ),
        )
        emit(stopping.flush() or None)
        written = sequences.shape[1] - read
        ended = stopping.stopped or written < limit or sequences[0, -1].item() in ends
        return Finished(read, written, "stop" if ended else "length")

    def _end_tokens(self) -> list[int]:
        """IDs of the tokens that end an answer.

        Generation settings often list only the end of a text, not the end of a message.
        """
        named = self.network.generation_config.eos_token_id
        ends = named if isinstance(named, list) else [named]
        return sorted({end for end in [*ends, self.tokenizer.eos_token_id] if end is not None})


class _Streamer(TextStreamer):
    """Passes text on as soon as a word is complete."""

    def __init__(self, tokenizer: Any, write: Callable[[str], object]) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._write = write

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002 (transformers' signature)
        self._write(text)


class _Ending(StoppingCriteria):
    """Ends the answer at the first token for which `ended` returns True."""

    def __init__(self, ended: Callable[[], bool]) -> None:
        self._ended = ended

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> Any:  # noqa: ARG002 (transformers' signature)
        return torch.full((input_ids.shape[0],), self._ended(), device=input_ids.device)


@contextmanager
def _asked_while_reading(network: Any, ended: Callable[[], bool]) -> Iterator[None]:
    """Check before each leaf module of the network whether to stop.

    Stopping criteria are checked only between tokens, and without a GPU reading a long prompt
    takes minutes before the first one.
    """

    def ask(*_: object) -> None:
        if ended():
            raise Cancelled

    parts = [part for part in network.modules() if not any(part.children())]
    hooks = [part.register_forward_pre_hook(ask) for part in parts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def load(folder: Path, settings: Settings) -> TransformersChatModel:
    """Load a model folder: bf16 on a GPU (4 bits if configured), otherwise float32.

    Raises:
        ChatModelError: The folder, the adapter or a package is missing or unusable.
    """
    if not (folder / "config.json").is_file():
        raise ChatModelError(
            f"no file {folder / 'config.json'}",
            expected="the folder of a causal language model",
            action=f"Correct ASSISTANT_CHAT_MODEL, or run: {as_typed('download-model')}",
        )
    torch.set_num_threads(min(torch.get_num_threads(), core_count()))
    options = _precision(settings)
    trust = settings.trust_remote_code
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
        network: Any = AutoModelForCausalLM.from_pretrained(
            folder, trust_remote_code=trust, **options
        )
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(error) from error
    except _LOADING_ERRORS as error:
        raise ChatModelError(
            f"transformers cannot load {folder}: {error}",
            expected="a complete folder of a causal language model that transformers supports",
            action=f"Download it again: {as_typed('download-model')}. If it contains its own code "
            "and you have reviewed it, set ASSISTANT_TRUST_REMOTE_CODE=true.",
        ) from error
    _check_template(folder, tokenizer)
    if settings.lora_folder is not None:
        network = _with_adapter(network, settings.lora_folder, settings.load_in_4bit)
    positions = getattr(network.config, "max_position_embeddings", settings.chat_context_tokens)
    return TransformersChatModel(
        network=network.eval(),
        tokenizer=tokenizer,
        model_name=folder.name,
        context_tokens=min(settings.chat_context_tokens, positions),
        temperature=settings.temperature,
        max_tokens=settings.answer_tokens,
    )


def _precision(settings: Settings) -> dict[str, Any]:
    gpu = torch.cuda.is_available()
    if not settings.load_in_4bit:
        return {"dtype": torch.bfloat16, "device_map": "auto"} if gpu else {"dtype": torch.float32}
    missing = None if gpu else "a GPU"
    if importlib.util.find_spec("bitsandbytes") is None:
        missing = "the package bitsandbytes"
    if missing:
        raise ChatModelError(
            f"ASSISTANT_LOAD_IN_4BIT is set, but {missing} is missing",
            expected="a GPU and the package bitsandbytes",
            action="Run pip install bitsandbytes on a machine with a GPU, "
            "or unset ASSISTANT_LOAD_IN_4BIT.",
        )
    quantization = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
    )
    return {"quantization_config": quantization, "device_map": "auto"}


def _check_template(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    if not tokenizer.chat_template:
        raise ChatModelError(
            f"the tokenizer in {folder} has no chat template",
            expected="a chat model, often named -chat or -instruct",
            action="Set ASSISTANT_CHAT_MODEL to one, or add a chat_template.jinja file.",
        )


def _with_adapter(network: Any, folder: Path, in_4bit: bool) -> Any:
    """Load a LoRA adapter; merged into the weights if possible, so that it costs no time."""
    try:
        adapter = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ChatModelError(
            f"no LoRA adapter in {folder}: {error}",
            expected="a folder with adapter_config.json and adapter_model.safetensors",
            action="Correct ASSISTANT_LORA_FOLDER.",
        ) from error
    from peft import PeftModel

    try:
        adapted: Any = PeftModel.from_pretrained(network, folder)
        # Merging into 4-bit weights would lose precision.
        return adapted if in_4bit else adapted.merge_and_unload()
    except (*_LOADING_ERRORS, TypeError) as error:
        raise ChatModelError(
            f"the LoRA adapter in {folder} does not fit {network.config.name_or_path}: "
            f"{' '.join(str(error).split())[:_REASON_CHARS]}",
            expected=f"an adapter of that model; it was made for "
            f"{adapter.get('base_model_name_or_path')}",
            action="Set ASSISTANT_CHAT_MODEL to that model, or correct ASSISTANT_LORA_FOLDER.",
        ) from error


def _sampling(temperature: float) -> dict[str, Any]:
    if temperature > 0:
        return {"do_sample": True, "temperature": temperature}
    return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}


def _out_of_memory(error: BaseException) -> ChatModelError:
    return ChatModelError(
        f"not enough memory: {error}", expected="a model that fits", action=_OUT_OF_MEMORY
    )
