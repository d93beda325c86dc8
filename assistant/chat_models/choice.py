"""Chooses the chat model from the settings, the hardware and the reachable hubs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assistant.chat_models.hardware import Hardware
from assistant.errors import ChatModelError
from assistant.project import as_typed
from assistant.settings import Settings

ChatBackend = Literal["llama_cpp", "transformers", "openai_compatible"]

# Names in the catalogue.
GPU_MODEL = "internlm3-8b-instruct"
HUB_MODEL = "internlm2_5-1_8b-chat-gguf"
EMBEDDED_MODEL = "qwen2.5-coder-1.5b-instruct"
SMALL_MODEL = "qwen2.5-coder-0.5b-instruct"
# Memory for GPU_MODEL (8.8 billion weights) with its cache, in 16 and in 4 bits.
_GPU_GB, _GPU_4BIT_GB = 18, 8
# With less memory, EMBEDDED_MODEL (1.1 GB), the index and the page do not fit together.
_SMALL_MEMORY_GB = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen chat model and the reason for it.

    Attributes:
        backend: Engine that runs the model.
        model: A name in the catalogue, a path, or a name on the server; "auto" means the
            server's first model.
        reason: A clause for the log.
        load_in_4bit: Whether transformers quantizes the model to 4 bits.
        path: The model's local file or folder; None if it is on a server or not yet located.
    """

    backend: ChatBackend
    model: str
    reason: str
    load_in_4bit: bool = False
    path: Path | None = None


def choose(
    settings: Settings,
    machine: Hardware,
    *,
    reachable_hub: bool | None = None,
    backends: Mapping[str, str] | None = None,
) -> Choice:
    """Choose backend and model: explicit settings first, otherwise what the machine can run.

    Args:
        settings: The owner's configuration.
        machine: Hardware of this machine.
        reachable_hub: Whether a model hub other than PyPI answers; None (unknown) counts as no.
        backends: Catalogue model name -> backend.
    """
    asked = settings.chat_backend
    named = settings.chat_model if settings.chat_model != "auto" else None
    if asked == "openai_compatible" or (asked == "auto" and settings.openai_base_url):
        reason = f"the server {settings.openai_base_url or '(no address)'} is set"
        return Choice("openai_compatible", settings.chat_model, reason)
    if named:
        return _named(settings, named, backends or {})
    if settings.lora_folder is not None and asked == "auto":
        reason = "a LoRA adapter is set"
        return Choice("transformers", GPU_MODEL, reason, settings.load_in_4bit)
    if asked == "transformers":
        return Choice("transformers", GPU_MODEL, "transformers is set", settings.load_in_4bit)
    if asked == "auto" and reachable_hub and (on_gpu := _on_gpu(settings, machine)):
        return on_gpu
    return _on_cpu(machine, bool(reachable_hub), "llama_cpp is set" if asked != "auto" else "")


def default_concurrency(choice: Choice, settings: Settings) -> int:
    """Number of answers written at once: one for a local engine, several for a server."""
    if settings.concurrency is not None:
        return settings.concurrency
    return 8 if choice.backend == "openai_compatible" else 1


def _named(settings: Settings, model: str, backends: Mapping[str, str]) -> Choice:
    backend: ChatBackend
    if settings.chat_backend in ("llama_cpp", "transformers"):
        backend, reason = settings.chat_backend, "model and backend are set"
    elif _is_gguf(model, backends):
        backend, reason = "llama_cpp", "the configured model is a GGUF file"
    else:
        backend, reason = "transformers", "the configured model is a folder of weights"
    in_4bit = settings.load_in_4bit and backend == "transformers"
    return Choice(backend, model, reason, in_4bit)


def _is_gguf(model: str, backends: Mapping[str, str]) -> bool:
    if model in backends:
        return backends[model] == "llama_cpp"
    if Path(model).is_dir():
        return not (Path(model) / "config.json").is_file()
    return model.lower().endswith("gguf") or model in (HUB_MODEL, EMBEDDED_MODEL, SMALL_MODEL)


def _on_gpu(settings: Settings, machine: Hardware) -> Choice | None:
    memory = machine.gpu_memory_gb
    if memory is None:
        return None
    found = f"a GPU with {memory:.0f} GB"
    if memory >= _GPU_GB and not settings.load_in_4bit:
        return Choice("transformers", GPU_MODEL, found)
    if memory >= _GPU_4BIT_GB and machine.can_load_4bit:
        return Choice("transformers", GPU_MODEL, f"{found}, enough in 4 bits", load_in_4bit=True)
    return None


def _on_cpu(machine: Hardware, reachable_hub: bool, why: str) -> Choice:
    gpu = machine.gpu_memory_gb
    if not why and gpu is None:
        why = "no GPU"
    elif not why:
        lacking = "too little memory" if reachable_hub else "no reachable hub with a model for it"
        why = f"a GPU with {gpu:.0f} GB and {lacking}"
    found = f"{why}, {machine.cores} cores, {machine.memory_gb:.0f} GB of memory"
    if machine.memory_gb < _SMALL_MEMORY_GB or machine.cores < 2:
        return Choice("llama_cpp", SMALL_MODEL, f"{found}: the smallest model")
    if reachable_hub:
        return Choice("llama_cpp", HUB_MODEL, f"{found}, a model hub answers")
    return Choice("llama_cpp", EMBEDDED_MODEL, f"{found}, no model hub answers: the model on PyPI")


def located(choice: Choice, fetch: Callable[[str], Path]) -> Path | None:
    """File or folder of the chosen model; None for a model on a server.

    Args:
        choice: From `choose`.
        fetch: Model name -> path, downloading the model if necessary.

    Raises:
        ChatModelError: The model is given as a path that does not exist.
        ModelNotFoundError: No hub provides the model.
    """
    if choice.backend == "openai_compatible":
        return None
    path = Path(choice.model).expanduser()
    if path.exists():
        return path
    if path.suffix.lower() == ".gguf" or path.is_absolute():
        raise ChatModelError(
            f"no file {path}",
            expected="a chat model: a GGUF file, a folder, or a name in the catalogue",
            action=f"Correct ASSISTANT_CHAT_MODEL; {as_typed('download-model')} downloads models.",
        )
    return fetch(choice.model)
