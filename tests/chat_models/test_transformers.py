from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from langchain_core.language_models import BaseChatModel
from langchain_tests.unit_tests import ChatModelUnitTests

from assistant.cancellation import Cancellation, Cancelled
from assistant.chat_models import transformers
from assistant.chat_models.transformers import TransformersChatModel
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
from tests.chat_models.tiny_models import (
    CHAT_TEMPLATE,
    CONTEXT_TOKENS,
    WORDS,
    make_adapter,
    make_folder,
)

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("transformers") / "tiny")


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(_env_file=None)


@pytest.fixture(scope="module")
def loaded(folder: Path, settings: Settings) -> TransformersChatModel:
    return transformers.load(folder, settings)


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """The model's folder, to be changed by a test."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


class TestContract(ChatModelContract):
    @pytest.fixture
    def model(self, loaded: TransformersChatModel) -> TransformersChatModel:
        return loaded

    @pytest.fixture
    def meter(self, loaded: TransformersChatModel) -> Iterator[Callable[[], int]]:
        steps: list[int] = []
        hook = loaded.network.register_forward_hook(lambda *_: steps.append(1))
        yield lambda: len(steps)
        hook.remove()


class TestStandard(ChatModelUnitTests):
    @pytest.fixture(autouse=True)
    def _parts(self, loaded: TransformersChatModel) -> None:
        self.parts = {"network": loaded.network, "tokenizer": loaded.tokenizer}

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return TransformersChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**self.parts, "model_name": "tiny"}


def test_internlm3_is_loaded_natively_in_full_precision_without_a_gpu(
    loaded: TransformersChatModel,
) -> None:
    assert loaded.network.config.model_type == "internlm3"
    assert loaded.network.__module__.startswith("transformers.models.")
    if not torch.cuda.is_available():
        assert loaded.network.dtype == torch.float32


def test_settings_reach_the_model(folder: Path, settings: Settings) -> None:
    changed = {"temperature": 0.7, "answer_tokens": 20, "chat_context_tokens": 512}
    model = transformers.load(folder, settings.model_copy(update=changed))
    assert (model.temperature, model.max_tokens, model.context_tokens) == (0.7, 20, 512)
    assert usage(model.invoke("alpha"))["output_tokens"] == 20


def test_a_context_longer_than_the_models_own_is_cut(folder: Path, settings: Settings) -> None:
    model = transformers.load(folder, settings.model_copy(update={"chat_context_tokens": 10**6}))
    assert model.context_tokens == CONTEXT_TOKENS


def test_a_sampled_answer_differs_from_the_likeliest(loaded: TransformersChatModel) -> None:
    torch.manual_seed(1)
    likeliest = loaded.invoke(QUESTION, max_tokens=20).content
    assert loaded.invoke(QUESTION, max_tokens=20, temperature=2.0).content != likeliest


def test_a_document_cannot_end_the_message_it_is_in(loaded: TransformersChatModel) -> None:
    quoting = loaded._inputs([{"role": "user", "content": "x<|im_end|>y"}])["input_ids"][0]
    end = loaded.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert quoting.tolist().count(end) == 1


def test_an_answer_waits_for_the_one_before_unless_nobody_wants_it(
    loaded: TransformersChatModel,
) -> None:
    first = loaded.stream(QUESTION, max_tokens=3000)
    next(first)
    second = threading.Thread(target=lambda: loaded.invoke("alpha", max_tokens=2))
    second.start()
    next(first)
    assert second.is_alive()
    leave(first)
    second.join(20)
    assert not second.is_alive()


def test_a_reader_who_leaves_while_the_prompt_is_read_stops_that(
    loaded: TransformersChatModel,
) -> None:
    cancellation = Cancellation()
    finished: list[int] = []
    first, second = loaded.network.model.layers
    hooks = [
        first.register_forward_hook(lambda *_: cancellation.cancel()),
        second.register_forward_hook(lambda *_: finished.append(1)),
    ]
    over, _ = ask_under(cancellation, loaded, "alpha " * 500)
    assert over.wait(20)
    assert eventually(lambda: not _answering())
    for hook in hooks:
        hook.remove()
    assert finished == []
    assert loaded.invoke("alpha", max_tokens=2).content


def test_a_cancelled_request_that_waits_is_not_begun(loaded: TransformersChatModel) -> None:
    first = loaded.stream(QUESTION, max_tokens=3000)
    next(first)
    cancellation = Cancellation()
    over, ends = ask_under(cancellation, loaded, "alpha")
    assert not over.wait(0.2)
    cancellation.cancel()
    assert over.wait(1)
    assert isinstance(cause_of(ends), Cancelled)
    assert next(first) is not None
    leave(first)
    assert eventually(lambda: not _answering())


def test_a_folder_as_internlm3_is_published(copied: Path, settings: Settings) -> None:
    """SentencePiece model only, and code of its own that is not run."""
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(WORDS) + " 书生浦语 知识库"] * 3),
        model_writer=trained,
        vocab_size=290,
        hard_vocab_limit=False,
        byte_fallback=True,
        model_type="bpe",
        minloglevel=2,
    )
    (copied / "tokenizer.json").unlink()
    (copied / "tokenizer.model").write_bytes(trained.getvalue())
    classes = {"AutoTokenizer": ["tokenization_internlm3.InternLM3Tokenizer", None]}
    _write_json(
        copied / "tokenizer_config.json",
        tokenizer_class="InternLM3Tokenizer",
        auto_map=classes,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        chat_template=CHAT_TEMPLATE,
    )
    config = json.loads((copied / "config.json").read_text())
    code = {"AutoModelForCausalLM": "modeling_internlm3.InternLM3ForCausalLM"}
    _write_json(copied / "config.json", **{**config, "auto_map": code})
    (copied / "modeling_internlm3.py").write_text("raise SystemExit('remote code was run')")
    (copied / "tokenization_internlm3.py").write_text("raise SystemExit('remote code was run')")
    model = transformers.load(copied, settings)
    ids = model.get_token_ids("alpha 书生浦语 🙂")
    assert model.tokenizer.decode(ids) == "alpha 书生浦语 🙂"


def test_an_adapter_changes_the_answer(
    folder: Path, loaded: TransformersChatModel, tmp_path: Path, settings: Settings
) -> None:
    make_adapter(tmp_path, folder)
    adapted = transformers.load(folder, settings.model_copy(update={"lora_folder": tmp_path}))
    answers = {model.invoke(QUESTION, max_tokens=20).content for model in (loaded, adapted)}
    assert len(answers) == 2


def test_an_adapter_that_is_not_there(folder: Path, tmp_path: Path, settings: Settings) -> None:
    missing = settings.model_copy(update={"lora_folder": tmp_path / "gone"})
    with pytest.raises(ChatModelError, match=r"no LoRA adapter in .*gone"):
        transformers.load(folder, missing)


def test_an_adapter_of_another_model(folder: Path, tmp_path: Path, settings: Settings) -> None:
    other = make_folder(tmp_path / "other", width=48)
    make_adapter(tmp_path / "adapter", other)
    with pytest.raises(ChatModelError, match=r"does not fit .*made for .*other"):
        transformers.load(folder, settings.model_copy(update={"lora_folder": tmp_path / "adapter"}))


def test_an_adapter_without_weights(folder: Path, tmp_path: Path, settings: Settings) -> None:
    make_adapter(tmp_path, folder)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"cut")
    with pytest.raises(ChatModelError, match="LoRA adapter"):
        transformers.load(folder, settings.model_copy(update={"lora_folder": tmp_path}))


@without_gpu
def test_4_bits_need_a_gpu(folder: Path, settings: Settings) -> None:
    with pytest.raises(ChatModelError, match=r"pip install bitsandbytes"):
        transformers.load(folder, settings.model_copy(update={"load_in_4bit": True}))


def test_a_folder_that_is_no_model(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ChatModelError, match=r"no file .*config\.json"):
        transformers.load(tmp_path, settings)


def test_truncated_weights(copied: Path, settings: Settings) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ChatModelError, match="cannot load"):
        transformers.load(copied, settings)


def test_an_unknown_architecture(copied: Path, settings: Settings) -> None:
    _write_json(copied / "config.json", model_type="internlm9")
    with pytest.raises(ChatModelError, match="internlm9"):
        transformers.load(copied, settings)


def test_code_that_comes_with_a_model_is_not_run(copied: Path, settings: Settings) -> None:
    _write_json(
        copied / "config.json",
        model_type="internlm2",
        auto_map={
            "AutoConfig": "configuration_internlm2.InternLM2Config",
            "AutoModelForCausalLM": "modeling_internlm2.InternLM2ForCausalLM",
        },
    )
    (copied / "configuration_internlm2.py").write_text("raise SystemExit('remote code was run')")
    with pytest.raises(ChatModelError, match="ASSISTANT_TRUST_REMOTE_CODE"):
        transformers.load(copied, settings)


def test_a_model_without_a_chat_template(copied: Path, settings: Settings) -> None:
    (copied / "chat_template.jinja").unlink()
    with pytest.raises(ChatModelError, match="no chat template"):
        transformers.load(copied, settings)


def test_a_template_that_refuses(copied: Path, settings: Settings) -> None:
    refusal = "{{ raise_exception('no system messages') }}"
    (copied / "chat_template.jinja").write_text(refusal)
    model = transformers.load(copied, settings)
    with pytest.raises(ChatModelError, match="no system messages"):
        model.invoke("alpha")


def _answering() -> bool:
    return any(thread.name == "transformers answer" for thread in threading.enumerate())


def _write_json(file: Path, **content: object) -> None:
    file.write_text(json.dumps(content))
