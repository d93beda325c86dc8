from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.unit_tests import ChatModelUnitTests

from assistant.answering.control_tokens import neutralised
from assistant.cancellation import Cancellation, Cancelled
from assistant.chat_models import llama_cpp
from assistant.chat_models.background import Emit
from assistant.chat_models.llama_cpp import Engine, LlamaCppChatModel
from assistant.errors import ChatModelError
from assistant.settings import Settings
from tests.chat_models.contract import (
    QUESTION,
    ChatModelContract,
    ask_under,
    cause_of,
    eventually,
    leave,
    usage,
)
from tests.chat_models.tiny_models import CONTEXT_TOKENS, make_gguf


class CountingEngine(Engine):
    """llama.cpp, with a count of the pieces it wrote."""

    written = 0

    def chat(self, body: dict[str, Any], emit: Emit[dict[str, Any]]) -> None:
        def counted(event: dict[str, Any] | None) -> bool:
            self.written += 1
            return emit(event)

        super().chat(body, counted)


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def engine(tiny_gguf: Path) -> CountingEngine:
    return CountingEngine(tiny_gguf, context_tokens=CONTEXT_TOKENS, threads=1)


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, chat_threads=1)


class TestContract(ChatModelContract):
    @pytest.fixture
    def model(self, engine: CountingEngine) -> LlamaCppChatModel:
        return LlamaCppChatModel(engine=engine, model_name="tiny")

    @pytest.fixture
    def meter(self, engine: CountingEngine) -> Callable[[], int]:
        return lambda: engine.written


class TestStandard(ChatModelUnitTests):
    @pytest.fixture(autouse=True)
    def _engine(self, engine: CountingEngine) -> None:
        self.engine = engine

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return LlamaCppChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"engine": self.engine, "model_name": "tiny"}


def test_settings_reach_the_model(tiny_gguf: Path, settings: Settings) -> None:
    changed = settings.model_copy(update={"temperature": 0.7, "answer_tokens": 20})
    model = llama_cpp.load(tiny_gguf, changed)
    assert (model.temperature, model.max_tokens, model.model_name) == (0.7, 20, "tiny")
    assert usage(model.invoke("alpha"))["output_tokens"] == 20


def test_a_folder_stands_for_the_file_in_it(tiny_gguf: Path, settings: Settings) -> None:
    assert llama_cpp.load(tiny_gguf.parent, settings).model_name == "tiny"


def test_a_prompt_with_the_same_beginning_is_not_read_again(engine: CountingEngine) -> None:
    model = LlamaCppChatModel(engine=engine, model_name="tiny", max_tokens=2)
    passages = "alpha beta gamma delta " * 20
    model.invoke(passages + "omega")
    told = usage(model.invoke(passages + "psi"))
    assert told["input_token_details"]["cache_read"] > 0.8 * told["input_tokens"]


def test_a_neutralised_document_cannot_end_the_message_it_is_in(engine: CountingEngine) -> None:
    model = LlamaCppChatModel(engine=engine, model_name="tiny", max_tokens=2)
    empty, quoting = (
        usage(model.invoke(text))["input_tokens"] for text in ("x", neutralised("x<|im_end|>"))
    )
    assert quoting - empty > len("im_end")


def test_a_reader_who_leaves_while_the_prompt_is_read_stops_that(engine: CountingEngine) -> None:
    model = LlamaCppChatModel(engine=engine, model_name="tiny")
    before = engine.written
    stream = model.stream("psi alpha " * 200)  # a dozen batches
    assert next(stream).content == ""
    leave(stream)
    assert eventually(lambda: not _answering())
    assert engine.written - before < 8


class RecordingEngine(CountingEngine):
    """llama.cpp, with the number of events of each request."""

    def __init__(self, file: Path, **options: Any) -> None:
        super().__init__(file, **options)
        self.events: list[int] = []

    def chat(self, body: dict[str, Any], emit: Emit[dict[str, Any]]) -> None:
        number = len(self.events)
        self.events.append(0)

        def counted(event: dict[str, Any] | None) -> bool:
            self.events[number] += 1
            return emit(event)

        super().chat(body, counted)


def test_a_cancelled_request_that_waits_is_not_begun(tiny_gguf: Path) -> None:
    engine = RecordingEngine(tiny_gguf, context_tokens=CONTEXT_TOKENS, threads=1)
    model = LlamaCppChatModel(engine=engine, model_name="tiny")
    first = model.stream(QUESTION, max_tokens=3000)
    next(first)
    cancellation = Cancellation()
    over, ends = ask_under(cancellation, model, "alpha")
    assert not over.wait(0.2)
    cancellation.cancel()
    assert over.wait(1)
    assert isinstance(cause_of(ends), Cancelled)
    assert next(first) is not None
    leave(first)
    assert eventually(lambda: not _answering())
    assert engine.events[0] > 0
    assert engine.events[1] == 0
    assert model.invoke("alpha", max_tokens=2).content


def test_the_real_model_reads_little_more_after_it_was_stopped(
    small_gguf: Path, settings: Settings
) -> None:
    model = llama_cpp.load(small_gguf, settings)
    question = "Which numbers? " + " ".join(map(str, range(90)))
    cancellation = Cancellation()
    read: list[int] = []
    chat = model.engine.chat

    def chat_until_the_first_batch(body: dict[str, Any], emit: Emit[dict[str, Any]]) -> None:
        def first(event: dict[str, Any] | None) -> bool:
            if event and (progress := event.get("prompt_progress")):
                read.append(progress["processed"])
                if len(read) == 1:
                    cancellation.cancel()
            return emit(event)

        chat(body, first)

    model.engine.chat = chat_until_the_first_batch  # type: ignore[method-assign]
    over, _ = ask_under(cancellation, model, question)
    assert over.wait(60)
    assert eventually(lambda: not _answering())
    model.engine.chat = chat  # type: ignore[method-assign]
    told = usage(model.invoke(question, max_tokens=1))
    assert told["input_tokens"] > 4 * llama_cpp._BATCH_TOKENS
    assert told["input_token_details"]["cache_read"] <= read[-1] + 2 * llama_cpp._BATCH_TOKENS


class SilentEngine(Engine):
    """Says nothing until it is told to stop."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def chat(self, body: dict[str, Any], emit: Emit[dict[str, Any]]) -> None:
        self.begun.set()
        while not emit(None):
            time.sleep(0.01)


def test_a_reader_is_free_at_once_though_the_engine_says_nothing() -> None:
    engine, cancellation = SilentEngine(), Cancellation()
    over, ends = ask_under(
        cancellation, LlamaCppChatModel(engine=engine, model_name="tiny"), "alpha"
    )
    assert engine.begun.wait(5)
    assert not over.is_set()
    cancellation.cancel()
    assert over.wait(1)
    assert isinstance(cause_of(ends), Cancelled)
    assert eventually(lambda: not _answering())


class Panic(BaseException):
    """As the exception that a panic in Rust becomes."""


class FailingEngine(Engine):
    """Writes a word, and ends in the way it was given."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def chat(self, body: dict[str, Any], emit: Emit[dict[str, Any]]) -> None:
        emit(_event({"content": "half"}))
        if self.error:
            raise self.error


@pytest.mark.parametrize("error", [None, Panic("out of bounds"), RuntimeError("out of bounds")])
def test_half_an_answer_does_not_pass_as_whole(error: BaseException | None) -> None:
    stream = LlamaCppChatModel(engine=FailingEngine(error), model_name="tiny").stream("alpha")
    assert next(stream).content == "half"
    with pytest.raises(
        ChatModelError, match="out of bounds" if error else "without giving a reason"
    ):
        list(stream)


class ThinkingEngine(Engine):
    """Thinks for a long time and says a word then, as reasoning models do."""

    def __init__(self, thoughts: int) -> None:
        self.thoughts, self.thought = thoughts, 0

    def chat(self, body: dict[str, Any], emit: Emit[dict[str, Any]]) -> None:
        while self.thought < self.thoughts:
            self.thought += 1
            if emit(_event({"reasoning_content": "hm "})):
                return
            time.sleep(0.01)
        emit(_event({"content": "yes"}))
        emit(_event({}, "stop"))
        emit({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": self.thoughts}})


def test_a_reader_who_leaves_while_the_model_thinks_stops_that() -> None:
    engine = ThinkingEngine(1000)
    stream = LlamaCppChatModel(engine=engine, model_name="tiny").stream("alpha")
    assert next(stream).content == ""
    leave(stream)
    assert eventually(lambda: not _answering())
    assert engine.thought < 100


def test_thoughts_are_no_part_of_the_answer() -> None:
    assert LlamaCppChatModel(engine=ThinkingEngine(3), model_name="tiny").invoke("x").text == "yes"


def test_two_slots_answer_at_once(tiny_gguf: Path, settings: Settings) -> None:
    model = llama_cpp.load(tiny_gguf, settings.model_copy(update={"concurrency": 2}))
    first = model.stream(QUESTION, max_tokens=3000)
    next(first)
    assert model.invoke("alpha", max_tokens=3).content
    assert next(first).usage_metadata is None
    leave(first)


def test_the_program_ends_in_the_middle_of_an_answer(tiny_gguf: Path) -> None:
    program = f"""
from pathlib import Path
from assistant.chat_models import llama_cpp
from assistant.chat_models.background import Emit
from assistant.settings import Settings
model = llama_cpp.load(Path({str(tiny_gguf)!r}), Settings(_env_file=None, chat_threads=1))
stream = model.stream("alpha", max_tokens=4000)
print(next(chunk.content for chunk in stream if chunk.content))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()
    assert ended.stderr == ""


def test_llama_cpp_is_silent_unless_asked(
    tiny_gguf: Path,
    settings: Settings,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    llama_cpp.load(tiny_gguf, settings).invoke("alpha", max_tokens=1)
    assert capfd.readouterr().err == ""
    with caplog.at_level(logging.DEBUG, logger="assistant.chat_models.llama_cpp"):
        llama_cpp.load(tiny_gguf, settings)
    assert eventually(lambda: "model loaded" in capfd.readouterr().err)


def test_a_missing_file(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ChatModelError, match=r"no file .*gone\.gguf"):
        llama_cpp.load(tmp_path / "gone.gguf", settings)
    with pytest.raises(ChatModelError, match="no file"):
        llama_cpp.load(tmp_path, settings)


def test_a_file_of_another_kind(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "page.gguf").write_text("<html>not found</html>")
    with pytest.raises(ChatModelError, match=r"starts with b'<htm'.*download_model"):
        llama_cpp.load(tmp_path / "page.gguf", settings)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.99])
def test_a_truncated_file(
    tiny_gguf: Path, tmp_path: Path, settings: Settings, share: float
) -> None:
    content = tiny_gguf.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(content[: max(8, int(len(content) * share))])
    with pytest.raises(ChatModelError, match=r"cannot load .*cut\.gguf.*complete GGUF"):
        llama_cpp.load(tmp_path / "cut.gguf", settings)


def test_a_file_larger_than_memory(tmp_path: Path, settings: Settings) -> None:
    with (tmp_path / "huge.gguf").open("wb") as file:
        file.write(b"GGUF")
        file.truncate(1 << 43)  # 8 TB that take no place on the disk
    with pytest.raises(ChatModelError, match=r"needs 8192\.0 GB"):
        llama_cpp.load(tmp_path / "huge.gguf", settings)


def test_an_adapter_needs_the_other_backend(
    tiny_gguf: Path, tmp_path: Path, settings: Settings
) -> None:
    with pytest.raises(ChatModelError, match="LoRA"):
        llama_cpp.load(tiny_gguf, settings.model_copy(update={"lora_folder": tmp_path}))


def test_the_real_small_model_answers(small_gguf: Path, settings: Settings) -> None:
    model = llama_cpp.load(small_gguf, settings.model_copy(update={"chat_threads": None}))
    answer = model.invoke("What is the capital of France? Answer in one word.", max_tokens=8)
    assert "Paris" in answer.content
    assert 2 <= model.get_num_tokens("书生·浦语大模型") <= 9


def _event(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish_reason}]}


def _answering() -> bool:
    return any(thread.name == "llama.cpp answer" for thread in threading.enumerate())
