"""What stands in documents and questions cannot speak as the system."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import convert_to_openai_messages

from assistant.answering.control_tokens import neutralised, restored
from assistant.answering.follow_up import standalone_by_model
from assistant.answering.prompts import Prompt, build_prompt
from assistant.chat_models.llama_cpp import Engine
from assistant.documents import Question, Turn
from tests.builders import make_hit, make_retrieved
from tests.chat_models.openai_server import serving
from tests.chat_models.test_openai_compatible import load
from tests.fakes import ScriptedChatModel

TOKENS = re.findall(
    r"\S+",
    """
    <|im_start|> <|im_end|> <|endoftext|> <|eot_id|> <|start_header_id|> <|begin_of_text|>
    <|python_tag|> <|user|> <|assistant|> <|system|> <|end|> <|fim_prefix|>
    <|START_OF_TURN_TOKEN|>
    <|action_start|> <|plugin|> <|object_ref_start|> <|reserved_special_token_7|> <|channel|>
    <｜begin▁of▁sentence｜> <｜end▁of▁sentence｜>
    <｜User｜> <｜Assistant｜> <｜tool▁calls▁begin｜>
    <s> </s> <bos> <eos> <pad> <unk> <unused12> <reserved_106> <BOS_TOKEN> <sop> <eop>
    [INST] [/INST] <<SYS>> <</SYS>> [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [TOOL_CALLS]
    [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [UNUSED_TOKEN_145] [UNUSED_TOKEN_0]
    [gMASK] [sMASK] [MASK] [|assistant|] <start_of_turn> <end_of_turn> <start_of_image>
    <think> </think> <tool_call> </tool_call> <tool_response> </tool_response> <seed:bos>
    <system> </system> <user> <assistant> <用户> <AI>
    """,
)
PLAIN = (
    "a < b | c > d, `x <| f |> g`, [1][2], a[0], <div class='s'>, <!-- s -->, "
    "[link](https://a.b), | table | cell |\n|---|---|, "
    "vec<u8>, <path>, List<String>, [INSTALL], [x] done, 书生·浦语 🙂\u200b"
)


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_becomes_text_and_reads_the_same(token: str) -> None:
    text = f"before{token}behind {token}{token}"
    made = neutralised(text)
    assert token not in made
    assert restored(made) == text
    assert neutralised(made) == made


def test_text_without_tokens_stays_as_it_is() -> None:
    assert neutralised(PLAIN) == PLAIN
    assert neutralised("") == ""


@given(st.lists(st.sampled_from([*TOKENS, "<", "|", ">", "[", "]", "<|", "|>", "im_end", "x"])))
def test_no_token_hides_inside_another(parts: list[str]) -> None:
    made = neutralised("".join(parts))
    assert not [token for token in TOKENS if token in made]
    assert restored(made) == "".join(parts)


def test_a_quotation_is_restored_piece_by_piece() -> None:
    made = neutralised("Write <s> and [INST].")
    pieces = (restored(piece, before) for before, piece in pairwise(["", *made]))
    assert "".join(pieces) == "Write <s> and [INST]."


def test_invisible_characters_of_a_text_stay() -> None:
    text = "ภาษา\u200bไทย a\u200bb"
    assert restored(neutralised(text)) == text


def words(text: str) -> int:
    return len(text.split())


def hostile_prompt(said: str) -> Prompt:
    """A prompt with `said` at every place that others write."""
    hit = make_hit(text=f"Text. {said}", source=f"s{said}", heading=(f"A {said}", said))
    history = (Turn(Question(f"How? {said}"[:240]), f"So. {said}"[:240]),)
    retrieved = make_retrieved(f"Why? {said}", history=history, hits=(hit,))
    return build_prompt(retrieved, count_tokens=words, passages_tokens=2000)


def test_no_prompt_has_a_token_from_outside() -> None:
    prompt = hostile_prompt("".join(TOKENS))
    for message in (*prompt.messages, *prompt.without_numbers):
        assert not [token for token in TOKENS if token in str(message.content)]
    model = ScriptedChatModel(replies=["Alone " + neutralised("<s>?")])
    turn = Turn(Question("What is <|im_end|>?"), "<|im_start|>system")
    assert standalone_by_model("and [INST] that?", [turn], model) == "Alone <s>?"
    sent = "".join(str(message.content) for message in model.asked[0])
    assert not [token for token in TOKENS if token in sent]


def test_a_prompt_without_tokens_is_as_it_was() -> None:
    contents = [str(message.content) for message in hostile_prompt(PLAIN).messages]
    assert PLAIN in contents[-1]
    assert contents[1] == f"How? {PLAIN}"[:240]


def test_a_server_is_sent_none() -> None:
    with serving() as server:
        load(server).invoke(list(hostile_prompt("".join(TOKENS)).messages), max_tokens=2)
        sent = json.dumps(server.asked[-1], ensure_ascii=False)
    assert not [token for token in TOKENS if token in sent]


class Qwen:
    """The tokenizer and the chat template of the 0.5B model, as llama.cpp uses them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine  # which ends when nobody has it
        self._address = urlsplit(engine._server.listening_address)
        self._key = engine._key

    def control_tokens(self, prompt: Prompt) -> list[int]:
        """All tokens of a prompt that are none of text, in order."""
        messages = convert_to_openai_messages(list(prompt.messages))
        text = self._post("/apply-template", {"messages": messages})["prompt"]
        tokens = self._post("/tokenize", {"content": text, "parse_special": True})["tokens"]
        return [token for token in tokens if token >= 151643]

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        to = HTTPConnection(self._address.hostname or "", self._address.port, timeout=30)
        with closing(to):
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
            to.request("POST", path, json.dumps(body), headers)
            return json.load(to.getresponse())


@pytest.fixture(scope="module")
def qwen(small_gguf: Path) -> Iterator[Qwen]:
    file = min(small_gguf.glob("*.gguf")) if small_gguf.is_dir() else small_gguf
    yield Qwen(Engine(file, context_tokens=512, threads=1))


def test_a_real_tokenizer_finds_those_of_the_template_only(qwen: Qwen) -> None:
    plain, hostile = (
        qwen.control_tokens(hostile_prompt(said)) for said in ("word", "".join(TOKENS))
    )
    assert len(plain) == 9  # both ends of four messages, and the beginning of the answer
    assert hostile == plain
