"""How paths, front matter and links name a language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.language import without_language
from assistant.language.names import declared, is_language_name, named_in_path

CHINESE_PATHS = ("docs/zh_cn/a.md", "docs/zhcn/a.md", "README_zh-Hant.md", "a/CN/b.md", "a_zh.md")
ENGLISH_PATHS = ("docs/en/a.md", "docs/enus/a.md", "README_en-GB.md", "a/English/b.md")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lmdeploy/docs/zh_cn/faq.md", "lmdeploy/docs/en/faq.md"),
        ("lmdeploy/README_zh-CN.md", "lmdeploy/README.md"),
        ("InternLM/model_cards/internlm2.5_7b_zh-CN.md", "InternLM/model_cards/internlm2.5_7b.md"),
        ("xtuner/docs/zh_cn/a/b.md", "xtuner/docs/EN/a/b.md"),
        ("lagent/README-en.md", "lagent/README.zh_CN.md"),
        ("a/docs/cn/LICENSE", "a/docs/english/LICENSE"),
        ("a/readme_ja.md", "a/readme_pt-BR.md"),
        ("a/docs/zhcn/faq.md", "a/docs/en/faq.md"),
        ("a/README_zhCN.md", "a/README.md"),
    ],
)
def test_a_page_and_its_translation_have_one_key(one: str, other: str) -> None:
    assert without_language(one) == without_language(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lmdeploy/docs/en/faq.md", "xtuner/docs/en/faq.md"),
        ("lmdeploy/docs/en/faq.md", "lmdeploy/docs/en/faq.txt"),
        ("lmdeploy/docs/en/faq.md", "lmdeploy/docs/faq.md"),
        ("a/benchmark.md", "a/bench.md"),
        ("a/screen.md", "a/scre.md"),
        ("a/en.md", "a/zh.md"),
    ],
)
def test_other_pages_have_other_keys(one: str, other: str) -> None:
    assert without_language(one) != without_language(other)


@given(st.text("ab/._-zhcneZH"))
def test_any_address_has_a_key_with_as_many_folders(address: str) -> None:
    assert without_language(address).count("/") == address.count("/")


@pytest.mark.parametrize("path", CHINESE_PATHS)
def test_paths_that_name_chinese(path: str) -> None:
    assert named_in_path(path) == "zh"
    assert without_language(path) != path


@pytest.mark.parametrize("path", ENGLISH_PATHS)
def test_paths_that_name_english(path: str) -> None:
    assert named_in_path(path) == "en"
    assert without_language(path) != path


@pytest.mark.parametrize("path", ["engine/cnn/a.md", "chinese_quiz/a.md", "README_ja.md", ""])
def test_paths_that_name_neither(path: str) -> None:
    assert named_in_path(path) is None


@pytest.mark.parametrize(
    ("value", "language"),
    [("zh-CN", "zh"), ("Chinese", "zh"), ("中文", "zh"), ("EN", "en"), ("fr", None), ("", None)],
)
def test_declared_in_front_matter(value: str, language: str | None) -> None:
    assert declared(value) == language


def test_names_of_languages_in_links() -> None:
    assert all(map(is_language_name, ("English", "简体中文", "繁體中文", "日本語")))
    assert not any(map(is_language_name, ("Englishman", "guide", "")))
