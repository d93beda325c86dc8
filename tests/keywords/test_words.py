"""How texts are cut into words: identifiers, Chinese, folding."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.keywords.words import words

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text("aZ9_-./+:@ 显卡顯ＡéÉ\n")
IDENTIFIERS = st.from_regex(r"[a-z]{2,8}([-_][a-z0-9]{2,8}){1,4}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("W4A16", ["w4a16", "w4", "a16"]),
        ("QLoRA", ["qlora"]),
        (
            "internlm2_5-7b-chat",
            ["internlm2_5_7b_chat", "internlm2", "internlm", "5", "7b", "chat"],
        ),
        ("TurbomindEngineConfig", ["turbomindengineconfig", "turbomind", "engin", "config"]),
        ("lmdeploy serve api_server", ["lmdeploy", "serv", "api_server", "api", "server"]),
        ("GPUMemory", ["gpumemori", "gpu", "memori"]),
        ("v0.5.3", ["v0_5_3", "v0", "5", "3"]),
        ("", []),
        ("what is the?!  \n -- 的 了", []),
    ],
)
def test_identifiers_whole_and_in_parts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_chinese_is_cut_into_words_and_their_shorter_parts() -> None:
    assert words("显存不足的时候怎么办") == ["显存", "不足"]
    assert {"流水", "流水线"} <= set(words("流水线并行"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("--cache-max-entry-count", "cache_max_entry_count"),
        ("`Cache.Max.Entry.Count`", "cache/max/entry/count"),
        ("ＫＶ　Ｃａｃｈｅ，８", "KV cache 8"),
        ("顯存不足", "显存不足"),
        ("quantizing models", "quantized model"),
        ("LMDEPLOY", "lmdeploy"),
    ],
)
def test_spellings_of_one_thing_give_the_same_words(one: str, other: str) -> None:
    assert words(one) == words(other) != []


@pytest.mark.parametrize("word", ["does", "before", "please", "only", "Why", "thanks"])
def test_stop_words_with_endings_are_left_out(word: str) -> None:
    assert words(f"{word} lmdeploy") == ["lmdeploy"]


def test_letters_of_other_alphabets_stay_in_their_word() -> None:
    assert words("für Größe") == ["für", "grösse"]


def test_an_address_gives_its_parts_and_data_gives_nothing() -> None:
    address = "openxlab.org.cn/models/detail/OpenLMLab/internlm2_5-20b-chat-original/xyz"
    assert len(address) > 64
    assert {"openxlab", "openlmlab", "internlm2", "20b", "xyz"} <= set(words(address))
    assert words("A" * 65) == []
    assert words(f"{'A' * 65}/tail") == ["tail"]


@given(ANY_TEXT)
def test_any_text_gives_plain_folded_words(text: str) -> None:
    for word in words(text):
        assert word == word.casefold()
        assert len(word.split()) == 1


@given(IDENTIFIERS)
def test_the_whole_of_an_identifier_stays_what_it_is(identifier: str) -> None:
    found = words(identifier)
    assert found[0] == identifier.replace("-", "_")
    assert words(found[0]) == found
    assert words(f"--{identifier.replace('_', '-').upper()}")[0] == found[0]


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"顯存不足 quantizing models{number} 流水线" for number in range(400)]
    with ThreadPoolExecutor(4) as together:
        assert list(together.map(words, texts)) == [words(text) for text in texts]
