"""The stored keyword index: scores, filters, damage, and what does not change from run to run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import psutil
import pytest

from assistant.documents import Chunk, SearchFilters
from assistant.errors import IndexCorruptError
from assistant.keywords import KeywordIndex, counts, write_keyword_index
from assistant.keywords.concepts import Concept, bm25, concepts
from assistant.keywords.counts import _words
from assistant.keywords.pages import files_of
from assistant.keywords.words import words
from assistant.settings import PROJECT_FOLDER
from tests.builders import make_chunk


def make_chunks() -> list[Chunk]:
    texts = {
        "lmdeploy/docs/en/kv.md": ("en", "Set quant_policy to quantize the kv cache.", "Use 8."),
        "lmdeploy/docs/zh_cn/kv.md": ("zh", "设置 quant_policy 就可以量化。", "显存不足。"),
        "lmdeploy/docs/en/serve/api.md": (
            "en",
            "Start the server with api_server.",
        ),
        "xtuner/README.md": ("en", "QLoRA saves gpu memory.", "Zebra zebra zebra."),
        "xtuner/notes/long.txt": ("en", "A zebra " + "and many other animals " * 9),
    }
    found = []
    for address, (language, *parts) in texts.items():
        source, _, path = address.partition("/")
        found += [
            make_chunk(
                id=f"{address}#{n}",
                source=source,
                path=path,
                language=language,
                text=text,
                heading=("Title",),
                start_line=n * 10 + 1,
                end_line=n * 10 + 5,
            )
            for n, text in enumerate(parts)
        ]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    write_keyword_index(folder, reversed(make_chunks()))
    return folder


@pytest.fixture(scope="module")
def index(folder: Path) -> KeywordIndex:
    return KeywordIndex.open(folder)


def looked_up(index: KeywordIndex, question: str, **options: Any) -> list[Concept]:
    return concepts(question, [index], **options)


def scored(index: KeywordIndex, question: str, **options: Any) -> Any:
    return bm25(looked_up(index, question, **options), len(index))


def ranked(index: KeywordIndex, question: str, **options: Any) -> list[str]:
    scores = scored(index, question, **options)
    order = np.lexsort((np.arange(len(scores)), -scores))
    return [index.ids[row] for row in order if scores[row] > 0]


def test_rows_are_in_order_of_address_and_line_whatever_came_first(index: KeywordIndex) -> None:
    assert len(index) == len(make_chunks())
    assert index.ids == sorted(index.ids)
    assert [index.row_of[identifier] for identifier in index.ids] == list(range(len(index)))
    assert index.file(index.row_of["xtuner/README.md#1"]) == ("xtuner", "README.md")
    assert index.languages[index.row_of["lmdeploy/docs/zh_cn/kv.md#0"]] == "zh"


def test_more_of_a_rare_word_in_a_shorter_text_scores_higher(index: KeywordIndex) -> None:
    assert ranked(index, "where are the zebras?") == [
        "xtuner/README.md#1",
        "xtuner/notes/long.txt#0",
    ]
    assert ranked(index, "unicorns") == []
    assert ranked(index, "") == []


def test_scores_without_translations_are_those_of_bm25s(index: KeywordIndex, folder: Path) -> None:
    question = "zebra server qlora title kv"
    engine = bm25s.BM25.load(folder / "keywords", show_progress=False)
    expected = engine.get_scores(list(dict.fromkeys(words(question))))
    assert expected.max() > 0
    scores = scored(index, question, translated=False)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_path_source_and_heading_are_searched_too(index: KeywordIndex) -> None:
    assert ranked(index, "serve")[0] == "lmdeploy/docs/en/serve/api.md#0"
    assert set(ranked(index, "xtuner")) == {
        "xtuner/README.md#0",
        "xtuner/README.md#1",
        "xtuner/notes/long.txt#0",
    }


def test_a_translation_finds_the_other_language_but_counts_less(index: KeywordIndex) -> None:
    assert ranked(index, "显存", translated=False) == ["lmdeploy/docs/zh_cn/kv.md#1"]
    assert "xtuner/README.md#0" in ranked(index, "显存")
    (concept,) = looked_up(index, "显存")
    (memory,) = looked_up(index, "memory", translated=False)
    row = index.row_of["xtuner/README.md#0"]
    assert 0 < concept.at(row) < memory.at(row)


def test_a_concept_says_what_it_is_worth(index: KeywordIndex) -> None:
    title, zebra, unicorn = looked_up(index, "title zebra unicorn zebra")
    assert (title.known, zebra.known, unicorn.known) == (True, True, False)
    assert title.weight < zebra.weight < unicorn.weight
    assert list(zebra.rows) == sorted(zebra.rows)
    assert zebra.at(index.row_of["lmdeploy/docs/en/kv.md#0"]) == 0
    assert unicorn.at(0) == 0


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (SearchFilters(sources=("xtuner",)), "xtuner/"),
        (SearchFilters(languages=("zh",)), "lmdeploy/docs/zh_cn/"),
        (SearchFilters(paths=("docs/**/*.md",)), "lmdeploy/docs/"),
        (SearchFilters(paths=("docs/en/*.md",)), "lmdeploy/docs/en/kv.md"),
        (SearchFilters(sources=("xtuner",), languages=("zh",)), "none"),
        (SearchFilters(sources=("nowhere",)), "none"),
        (SearchFilters(sources=("xtuner", "lmdeploy"), paths=("notes/*",)), "xtuner/notes/"),
    ],
)
def test_filters(index: KeywordIndex, filters: SearchFilters, expected: str) -> None:
    allowed = index.allowed(filters)
    assert allowed is not None
    found = {index.ids[row] for row in np.flatnonzero(allowed)}
    assert found == {identifier for identifier in index.ids if identifier.startswith(expected)}


def test_no_filters_allow_everything(index: KeywordIndex) -> None:
    assert index.allowed(None) is None
    assert index.allowed(SearchFilters()) is None


def test_a_section_is_the_neighbours_under_one_heading_of_one_file(index: KeywordIndex) -> None:
    first = index.row_of["xtuner/README.md#0"]
    assert index.section(first) == index.section(first + 1) == [first, first + 1]
    assert index.section(first + 2) == [first + 2]


def test_places_say_which_chunks_are_translations(index: KeywordIndex) -> None:
    zh, en, other = (
        index.position(index.row_of[f"lmdeploy/docs/{name}#0"])
        for name in ("zh_cn/kv.md", "en/kv.md", "en/serve/api.md")
    )
    assert zh.overlaps(en)
    assert not zh.overlaps(other)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory maps")
def test_scores_stay_on_the_disk(index: KeywordIndex, folder: Path) -> None:
    assert len(index)
    mapped = {Path(each.path) for each in psutil.Process().memory_maps()}
    assert folder.resolve() / "keywords" / "data.csc.index.npy" in mapped


def test_the_same_chunks_give_the_same_files_in_every_process(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from assistant.keywords import write_keyword_index\n"
        "from tests.keywords.test_index import make_chunks\n"
        "write_keyword_index(Path(sys.argv[1]), make_chunks())\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=True,
        cwd=PROJECT_FOLDER,
        env=os.environ | {"PYTHONHASHSEED": "4"},
    )
    ours, theirs = contents(folder / "keywords"), contents(tmp_path / "keywords")
    assert len(ours) >= 7
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def do_damage(file: Path, damage: str) -> None:
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        half = content[: len(content) // 2]
        damaged = {"empty": b"", "half": half, "another kind": b"[1, 2]"}
        damaged["no end"] = content.replace(b"}", b"\0")  # numpy says so in words of its own
        file.write_bytes(damaged[damage])


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_scores_are_those_of_bm25s(folder: Path, index: KeywordIndex) -> None:
    texts = [_words(chunk) for part in files_of(make_chunks()).values() for chunk in part]
    names = sorted(set().union(*texts))
    numbers = {name: number for number, name in enumerate(names)}
    engine = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    rows = [[numbers[name] for name in text] for text in texts]
    engine.index((rows, numbers), create_empty_token=False, show_progress=False)
    for word in names:
        found, scores = index.postings(word)
        ours = np.zeros(len(index), dtype=np.float32)
        ours[found] = scores
        theirs = engine.get_scores_from_ids([numbers[word]])
        assert ours == pytest.approx(theirs, rel=1e-6), word
    assert scored(index, "zebra").any()


def test_known_chunks_are_not_cut_into_words_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    cut: list[str] = []

    def words(chunk: Chunk) -> list[str]:
        cut.append(chunk.id)
        return ["platypus"]

    monkeypatch.setattr(counts, "_words", words)
    kept = [chunk for chunk in make_chunks() if chunk.id != "xtuner/README.md#0"]
    write_keyword_index(tmp_path, [*kept, make_chunk(id="new", text="A platypus.")])
    assert cut == ["new"]
    index = KeywordIndex.open(tmp_path)
    assert ranked(index, "platypus") == ["new"]
    assert ranked(index, "zebra")[0] == "xtuner/README.md#1"
    assert not looked_up(index, "qlora")[0].known


def test_an_update_gives_the_files_of_a_new_index(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "updated")
    chunks = [*make_chunks()[1:-1], make_chunk(id="new", text="Abacus, then zythum.")]
    write_keyword_index(tmp_path / "updated", chunks)
    write_keyword_index(tmp_path / "new", chunks)
    ours, theirs = contents(tmp_path / "updated/keywords"), contents(tmp_path / "new/keywords")
    assert ours == theirs


@pytest.mark.parametrize("name", ["counts.npy", "keys.npy", "pages.json", "vocab.index.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "another kind", "no end"])
def test_damaged_counts_of_the_build_before_are_made_anew(
    folder: Path, tmp_path: Path, name: str, damage: str
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    do_damage(tmp_path / "keywords" / name, damage)
    write_keyword_index(tmp_path, make_chunks())
    assert contents(tmp_path / "keywords") == contents(folder / "keywords")


@pytest.mark.parametrize("texts", [[], ["?!", "！"]])
def test_an_index_without_words_answers_nothing(tmp_path: Path, texts: list[str]) -> None:
    chunks = [
        make_chunk(id=str(n), text=text, source="!", path="?", heading=())
        for n, text in enumerate(texts)
    ]
    write_keyword_index(tmp_path, chunks)
    index = KeywordIndex.open(tmp_path)
    assert len(index) == len(texts)
    assert not scored(index, "kv cache 显存").any()


NAMES = [
    "chunks.json",
    "glossary.json",
    "vocab.index.json",
    "params.index.json",
    "data.csc.index.npy",
    "indices.csc.index.npy",
    "indptr.csc.index.npy",
]


def test_a_damaged_header_of_an_array_is_an_error_with_the_command_to_type(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "keywords" / "indptr.csc.index.npy"
    file.write_bytes(file.read_bytes().replace(b")", b"(", 1))
    with pytest.raises(IndexCorruptError, match=r"build_index\.py --rebuild"):
        KeywordIndex.open(tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "another kind", "no end"])
def test_a_damaged_file_is_an_error_with_the_command_to_type(
    folder: Path, tmp_path: Path, name: str, damage: str
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    do_damage(tmp_path / "keywords" / name, damage)
    with pytest.raises(IndexCorruptError, match=r"build_index\.py --rebuild"):
        KeywordIndex.open(tmp_path)
