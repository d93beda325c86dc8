"""The tokenizer that loads only what a text needs, against the one that loads all."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from assistant.embeddings import text_tokenizer
from assistant.embeddings.text_tokenizer import TextTokenizer

PIECES = [("<s>", 0.0), ("<unk>", 0.0), ("</s>", 0.0), ("▁", -3.0), ("a", -4.0), ("b", -4.5)]
PIECES += [("▁a", -3.5), ("ab", -5.0), ("▁ab", -5.5), ("ba", -6.0), ("中", -7.0), ("中文", -7.5)]
PIECES += [("▁b", -6.5), ("abab", -9.0), ("z", -20.0), ("<mask>", 0.0)]
HARD = [
    "",
    " ",
    "abab zab",
    "a<mask>b",
    "<s>ab</s>",
    "中文 中ab",
    "q",
    "qqq ab",
    "a\nb",
    "Ａb\u200b",
]


def unigram(file: Path) -> Path:
    tokenizer = Tokenizer(models.Unigram(PIECES, unk_id=1, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<unk>", "</s>", "<mask>"])
    tokenizer.enable_truncation(4)  # to be ignored
    tokenizer.save(str(file))
    return file


def whole(file: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def check(ours: TextTokenizer, file: Path, texts: Sequence[str]) -> None:
    theirs = whole(file)
    assert ours.ids(texts) == [e.ids for e in theirs.encode_batch(list(texts))]
    plain = theirs.encode_batch(list(texts), add_special_tokens=False)
    assert ours.count(texts) == [len(e.ids) for e in plain]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return unigram(tmp_path / "tokenizer.json")


def test_one_text_after_another_and_all_at_once(file: Path) -> None:
    ours = TextTokenizer(file)
    for text in HARD:
        check(ours, file, [text])
    check(ours, file, HARD)
    check(TextTokenizer(file), file, HARD)
    check(ours, file, [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(alphabet="ab z中文q\n<s>", max_size=20), max_size=4))
def test_any_text(file: Path, texts: list[str]) -> None:
    check(TextTokenizer(file), file, texts)


def test_few_texts_do_not_load_the_vocabulary(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    from_file = Tokenizer.from_file

    class Watched:
        from_str = Tokenizer.from_str

        @staticmethod
        def from_file(path: str) -> Tokenizer:
            loaded.append(path)
            return from_file(path)

    monkeypatch.setattr(text_tokenizer, "Tokenizer", Watched)
    monkeypatch.setattr(text_tokenizer, "_FEW", 100)
    ours = TextTokenizer(file)
    few = ours.ids(["ab " * 10])
    assert not loaded
    many = ours.ids(["ab " * 100, "ab " * 10])
    assert loaded == [str(file)]
    assert many[1] == few[0]
    assert ours.ids(["ab " * 10]) == few
    assert len(loaded) == 1


def test_once_loaded_whole_it_stays_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = TextTokenizer(file)
    check(ours, file, HARD)
    ours.load()
    monkeypatch.setattr(text_tokenizer, "Tokenizer", None)  # nothing can be loaded any more
    check(ours, file, [*HARD, "ba"])


@pytest.mark.parametrize(
    "change",
    [
        {"normalizer": None},
        {"post_processor": None},
        {"model": {"type": "WordLevel", "vocab": {"ab": 0, "<unk>": 1}, "unk_token": "<unk>"}},
    ],
)
def test_another_kind_is_loaded_whole(file: Path, change: dict[str, object]) -> None:
    content = json.loads(file.read_text("utf-8")) | change
    if "model" in change:
        content |= {"added_tokens": [], "post_processor": None}
    file.write_text(json.dumps(content), "utf-8")
    check(TextTokenizer(file), file, HARD)


def test_tokens_added_behind_the_vocabulary(file: Path) -> None:
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.add_tokens(["lmdeploy"])
    tokenizer.save(str(file))
    check(TextTokenizer(file), file, [*HARD, "ab lmdeploy ab"])


def test_goes_to_another_process(file: Path) -> None:
    ours = TextTokenizer(file)
    ours.count(HARD)
    check(pickle.loads(pickle.dumps(ours)), file, HARD)


def test_the_default_model(embedder_folder: Path) -> None:
    page = Path("README_zh-CN.md").read_text("utf-8") + Path("README.md").read_text("utf-8")
    texts = [page, *page.split("\n\n"), "passage: 书生·浦语 LMDeploy\u200b <mask>x 😀🫠 \x00 ྿ Ⅷ ﬁ"]
    check(
        TextTokenizer(embedder_folder / "tokenizer.json"), embedder_folder / "tokenizer.json", texts
    )
