"""Chat models: `choice` says which one and why, the other modules are one for each engine.

An engine's module is imported only when it is chosen.
"""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from assistant.chat_models.choice import (
    EMBEDDED_MODEL,
    GPU_MODEL,
    HUB_MODEL,
    SMALL_MODEL,
    Choice,
    choose,
    default_concurrency,
    located,
)
from assistant.chat_models.hardware import Hardware, hardware
from assistant.settings import Settings

__all__ = [
    "EMBEDDED_MODEL",
    "GPU_MODEL",
    "HUB_MODEL",
    "SMALL_MODEL",
    "Choice",
    "Hardware",
    "choose",
    "default_concurrency",
    "hardware",
    "load",
    "located",
]


def load(choice: Choice, settings: Settings) -> BaseChatModel:
    """Load what was chosen and located; takes seconds.

    Args:
        choice: From `choose`, with the path from `located`.
        settings: Context, temperature, threads and whatever else the backend takes.

    Raises:
        ChatModelError: It cannot be loaded, or the server does not answer.
    """
    if choice.backend == "openai_compatible" or choice.path is None:
        from assistant.chat_models import openai_compatible

        return openai_compatible.load(choice.model, settings)
    if choice.backend == "llama_cpp":
        from assistant.chat_models import llama_cpp

        return llama_cpp.load(choice.path, settings)
    from assistant.chat_models import transformers

    return transformers.load(
        choice.path, settings.model_copy(update={"load_in_4bit": choice.load_in_4bit})
    )
