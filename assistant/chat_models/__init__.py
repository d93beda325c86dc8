"""Choice and loading of the chat model.

`choice` decides which model runs on which engine, and why. Each engine has a module of its
own, imported only if that engine is chosen.
"""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from assistant.chat_models.choice import (
    EMBEDDED_MODEL,
    GPU_MODEL,
    HUB_MODEL,
    Choice,
    choose,
    default_concurrency,
    located,
)
from assistant.chat_models.hardware import hardware
from assistant.settings import Settings

__all__ = [
    "EMBEDDED_MODEL",
    "GPU_MODEL",
    "HUB_MODEL",
    "Choice",
    "choose",
    "default_concurrency",
    "hardware",
    "load",
    "located",
]


def load(choice: Choice, settings: Settings) -> BaseChatModel:
    """Load the chosen model; takes seconds.

    Args:
        choice: From `choose`, with the path from `located`.
        settings: Context size, temperature, threads and other options of the engine.

    Raises:
        ChatModelError: The model cannot be loaded, or the server does not answer.
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
