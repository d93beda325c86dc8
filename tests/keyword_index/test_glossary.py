"""Words of two languages that mean the same, learned from made-up pages."""

from __future__ import annotations

from assistant.documents import Chunk
from assistant.keyword_index.glossary import learn_glossary
from tests.builders import make_chunk

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
    glossary = learn_glossary(pages())
    assert glossary["火山"][0][0] == "volcano"
    assert glossary["volcano"][0][0] == "火山"
    assert "memori" in dict(glossary["显存"])


def test_rare_names_and_words_that_are_not_translated_are_not_learned() -> None:
    glossary = learn_glossary(pages())
    assert "葡萄" not in glossary  # once is chance
    assert "qlora" not in glossary


def test_strengths_are_from_0_to_1_strongest_first_and_few() -> None:
    glossary = learn_glossary(pages())
    for translations in glossary.values():
        strengths = [strength for _, strength in translations]
        assert strengths == sorted(strengths, reverse=True)
        assert 0 < strengths[-1] <= strengths[0] <= 1
        assert len(translations) <= 3


def test_pages_teach_more_than_the_list_that_comes_with_the_package() -> None:
    learned, listed = dict(learn_glossary(pages())["显存"]), dict(learn_glossary([])["显存"])
    assert listed == {"gpu": 0.6, "memori": 0.6}
    assert learned["memori"] > 0.6


def test_without_pairs_only_the_list_is_known() -> None:
    only_english = [chunk for chunk in pages() if chunk.language == "en"]
    assert learn_glossary(only_english) == learn_glossary([])


def test_the_same_pages_in_another_order_teach_the_same() -> None:
    assert list(learn_glossary(pages()).items()) == list(learn_glossary(reversed(pages())).items())


def test_pairs_without_words_teach_nothing() -> None:
    assert learn_glossary(pair("a", "！？", "?!")) == learn_glossary([])
