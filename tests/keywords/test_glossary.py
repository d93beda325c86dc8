"""Words of two languages that mean the same, learned from made-up pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from assistant.documents import Chunk
from assistant.keywords.glossary import aligned_pages, learn_glossary
from assistant.keywords.pages import files_of
from tests.builders import make_chunk


def learned(chunks: Iterable[Chunk]) -> dict[str, list[tuple[str, float]]]:
    return learn_glossary(aligned_pages(files_of(chunks), {}).values())


FRUITS = (("苹果", "apple"), ("香蕉", "banana"), ("葡萄", "grape"), ("西瓜", "melon"))


def pair(name: str, chinese: str, english: str) -> list[Chunk]:
    return [
        make_chunk(id=f"zh{name}", path=f"docs/zh_cn/{name}.md", language="zh", text=chinese),
        make_chunk(id=f"en{name}", path=f"docs/en/{name}.md", language="en", text=english),
    ]


def pages() -> list[Chunk]:
    found = []
    for number, (chinese, english) in enumerate(FRUITS):
        zh = f"# 火山 QLoRA\n\n火山旁边有{chinese}。\n\n# 末尾\n\n显存不足。"
        en = f"# A volcano QLoRA\n\nThe volcano has {english}s.\n\n# End\n\nMemory is short."
        found += pair(str(number), zh, en)
    return found


def test_words_that_stand_in_both_halves_of_pages_are_learned_both_ways() -> None:
    glossary = learned(pages())
    assert glossary["火山"][0][0] == "volcano"
    assert glossary["volcano"][0][0] == "火山"
    assert "memori" in dict(glossary["显存"])


def test_rare_names_and_words_that_are_not_translated_are_not_learned() -> None:
    glossary = learned(pages())
    assert "葡萄" not in glossary  # once is chance
    assert "qlora" not in glossary


def test_strengths_are_from_0_to_1_strongest_first_and_few() -> None:
    glossary = learned(pages())
    for translations in glossary.values():
        strengths = [strength for _, strength in translations]
        assert strengths == sorted(strengths, reverse=True)
        assert 0 < strengths[-1] <= strengths[0] <= 1
        assert len(translations) <= 3


def test_pages_teach_more_than_the_list_that_comes_with_the_package() -> None:
    with_pages, without = dict(learned(pages())["显存"]), dict(learned([])["显存"])
    assert without == {"gpu": 0.6, "memori": 0.6}
    assert with_pages["memori"] > 0.6


def test_without_pairs_only_the_list_is_known() -> None:
    only_english = [chunk for chunk in pages() if chunk.language == "en"]
    assert learned(only_english) == learned([])


def test_the_same_pages_in_another_order_teach_the_same() -> None:
    assert list(learned(pages()).items()) == list(learned(reversed(pages())).items())


def test_pairs_without_words_teach_nothing() -> None:
    assert learned(pair("a", "！？", "?!")) == learned([])


def test_pages_that_are_known_are_not_cut_into_words_again() -> None:
    files = files_of(pages())
    known = aligned_pages(files, {})
    assert len(known) == len(FRUITS)
    key = next(iter(known))
    marked = {**known, key: [(["标记"], ["mark"])]}
    assert aligned_pages(files, marked) == marked
    without = {address: chunks for address, chunks in files.items() if "/0.md" not in address}
    assert len(aligned_pages(without, marked)) == len(FRUITS) - 1
    page = [replace(chunk, id=f"{chunk.id} changed") for chunk in pair("0", "新", "new")]
    changed = aligned_pages(files_of([*pages()[2:], *page]), marked)
    assert len(changed) == len(FRUITS)
    assert [(["新"], ["new"])] in changed.values()
    assert key not in changed
