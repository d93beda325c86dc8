"""Settings: names, defaults and limits.

Each field is set by an environment variable, `ASSISTANT_` followed by its name in upper
case, or in a `.env` file in the working directory. The hosting platforms' own variables
for host, port and root path also work.
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
    """The settings of one process: frozen, created at start-up and passed to every part."""

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
        description="TOML file that lists the sources of the knowledge base.",
    )
    repositories_folder: Path = Field(
        PROJECT_FOLDER / "knowledge" / "repos", description="Folder for clones of git sources."
    )
    db_folder: Path = Field(PROJECT_FOLDER / "vector_db", description="Folder of the index.")
    models_folder: Path = Field(PROJECT_FOLDER / "models", description="Folder for models.")

    # Building the index.
    clone_timeout_seconds: float = Field(600, gt=0, description="Time limit for one git command.")
    max_file_mb: float = Field(
        5, gt=0, description="Files larger than this are skipped and reported."
    )
    chunk_tokens: int = Field(
        256,
        ge=32,
        le=8192,
        description="Maximum tokens in a chunk, context included, counted by the embedder.",
    )
    python_sources: bool = Field(False, description="Also index Python files that sources include.")
    build_window_chunks: int = Field(
        1024,
        ge=16,
        description="Chunks a build keeps in memory at once; each takes about 5 KB for its text "
        "and vector.",
    )
    build_workers: int | None = Field(
        None,
        ge=0,
        description="Processes that parse files; empty: set by the number of processors; 0: parse "
        "in the main process.",
    )
    chroma_url: str = Field(
        "",
        description="Address of a Chroma server for the vectors, such as http://127.0.0.1:8000; "
        "empty: vectors are stored in the index folder.",
    )
    chroma_token: str = Field("", description="Access token for that server.", repr=False)
    chroma_token_header: Literal["Authorization", "X-Chroma-Token"] = Field(
        "Authorization", description="Header that carries the token."
    )

    # Models.
    embedder: str = Field(
        "multilingual-e5-small",
        description="Embedding model: a name in the catalogue, a sentence-transformers folder, or "
        "a Hugging Face model ID.",
    )
    chat_backend: Backend = Field("auto", description="Engine that runs the chat model.")
    chat_model: str = Field(
        "auto",
        description="Chat model: a name in the catalogue, a folder, a GGUF file, or the model's "
        "name on the server.",
    )
    lora_folder: Path | None = Field(
        None, description="Folder of a LoRA adapter for the transformers backend."
    )
    load_in_4bit: bool = Field(
        False, description="Load a transformers model quantized to 4 bits (needs a GPU)."
    )
    trust_remote_code: bool = Field(
        False,
        description="Run Python code shipped with a transformers model. Pin the model's revision.",
    )
    openai_base_url: str = Field(
        "",
        description="Base URL of an OpenAI-compatible server, such as http://127.0.0.1:23333/v1.",
    )
    openai_api_key: str = Field("none", description="API key for that server.", repr=False)
    chat_timeout_seconds: float = Field(
        120,
        gt=0,
        description="Seconds to wait for each token from that server; the first usually takes "
        "longest.",
    )
    chat_context_tokens: int = Field(
        4096,
        ge=512,
        description="Context window reserved for the chat model; must exceed "
        f"ASSISTANT_ANSWER_TOKENS by at least {_FEWEST_PROMPT_TOKENS}.",
    )
    chat_threads: int | None = Field(
        None, ge=1, description="Threads for llama.cpp; empty: one for each processor core."
    )

    # Model hubs.
    hubs: Annotated[tuple[Hub, ...], NoDecode] = Field(
        ("openxlab", "modelscope", "huggingface", "pypi"),
        description="Model hubs in the order they are tried, separated by commas.",
    )
    hub_check_seconds: float = Field(
        3, gt=0, description="Time limit for checking whether a hub responds."
    )
    download_timeout_seconds: float = Field(
        60,
        gt=0,
        description="Seconds without data after which a download is aborted.",
    )
    huggingface_endpoint: str = Field(
        "https://huggingface.co",
        validation_alias=AliasChoices("ASSISTANT_HUGGINGFACE_ENDPOINT", "HF_ENDPOINT"),
        description="Address of Hugging Face, or of a mirror such as https://hf-mirror.com.",
    )
    huggingface_offline: bool = Field(
        False,
        validation_alias=AliasChoices("ASSISTANT_HUGGINGFACE_OFFLINE", "HF_HUB_OFFLINE"),
        description="Never contact Hugging Face.",
    )
    modelscope_endpoint: str = Field(
        "https://www.modelscope.cn",
        validation_alias=AliasChoices(
            "ASSISTANT_MODELSCOPE_ENDPOINT", "MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN"
        ),
        description="Address of ModelScope; outside China, use https://www.modelscope.ai.",
    )

    # Answers.
    hits: int = Field(10, ge=1, le=50, description="Passages shown with each answer.")
    answerable_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="If the estimated probability that a question can be answered is below this, "
        "the assistant says that it does not know; empty: use the calibrated threshold.",
    )
    reranker: str = Field(
        "",
        description="Cross-encoder that reranks the hits: a folder or a Hugging Face model ID such "
        "as BAAI/bge-reranker-v2-m3. Slow without a GPU.",
    )
    rewrite_follow_ups: bool = Field(
        False,
        description="Let the chat model rewrite follow-up questions as standalone ones; for models "
        "that answer within a second or two. Otherwise rules do it.",
    )
    passages_tokens: int = Field(
        1100,
        ge=128,
        description="Maximum tokens for passages in the prompt, counted by the chat model.",
    )
    answer_tokens: int = Field(
        512, ge=16, validate_default=True, description="Maximum tokens in an answer."
    )
    answer_seconds: float = Field(
        600,
        gt=0,
        description="Time limit for writing an answer, which then ends with the text written so "
        "far; time spent waiting in the queue does not count.",
    )
    temperature: float = Field(
        0.0, ge=0, le=2, description="Sampling temperature; 0 always gives the same answer."
    )
    max_question_chars: int = Field(2000, ge=100, description="Longer questions are rejected.")

    # The page.
    build_missing_index: bool = Field(
        False,
        description="Let app.py index missing sources while it answers questions, as on a Space.",
    )
    space_id: str = Field(
        "", validation_alias="SPACE_ID", description="Set by Hugging Face inside a Space."
    )
    title: str = Field("", description="Title of the page; empty: the default title.")
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
        description="URL path under which a proxy serves the page.",
    )
    share: bool = Field(False, description="Open a public gradio.live tunnel to the page.")
    share_timeout_seconds: float = Field(30, gt=0, description="Time limit for opening the tunnel.")
    concurrency: int | None = Field(
        None, ge=1, description="Answers written at once; empty: 8 for a server, 1 otherwise."
    )

    # Access to the page, and limits for each visitor.
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names under which the page is reached, separated by commas, such as "
        "`kb.example.org,*.example.net`; `*` allows any. The names of this machine, of a Space and "
        "of a share link are always allowed, and so is any IP address if ASSISTANT_HOST is "
        "0.0.0.0.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.0/8", "::1"),
        description="Addresses or networks of proxies whose X-Forwarded headers are trusted, "
        "separated by commas; on a Space, private networks are trusted as well.",
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
                f"is {context}: the question and the passages also need room"
            )
        return value


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # no such user
        raise ValueError(str(error)) from error
