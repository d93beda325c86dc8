"""Citations in a stream: kept, normalised, or dropped."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.citations import Attributor, CitationFilter, attribute, citations
from tests.builders import make_citation


def through(pieces: list[str], valid: list[int]) -> tuple[str, list[int]]:
    stream = CitationFilter(valid)
    text = "".join([*(stream.feed(piece) for piece in pieces), stream.finish()])
    return text, stream.numbers


@pytest.mark.parametrize(
    ("text", "expected", "numbers"),
    [
        ("Use it [1].", "Use it [1].", [1]),
        ("Both [1, 3] and 【2】。", "Both [1][3] and [2]。", [1, 3, 2]),
        ("Invented [9], real [2].", "Invented , real [2].", [2]),
        ("In code `a[0]` and list [x].", "In code `a[0]` and list [x].", []),
        ("```py\na[9] = b[1]\n```\nso [1]", "```py\na[9] = b[1]\n```\nso [1]", [1]),
        ("one ` tick [9]\nthen [9] [2]", "one ` tick [9]\nthen  [2]", [2]),
        ("a[i] and [ and ]", "a[i] and [ and ]", []),
        ("ends with [1", "ends with [1", []),
        ("a［1，2］", "a[1][2]", [1, 2]),
        ("digits [0-9]+, a level in [1-3] [2]", "digits [0-9]+, a level in [1-3] [2]", [2]),
        ("none [0] or [1][0]", "none  or [1]", [1]),
        ("print outputs[0].text [1]", "print outputs[0].text [1]", [1]),
    ],
)
def test_marks(text: str, expected: str, numbers: list[int]) -> None:
    assert through([text], [1, 2, 3]) == (expected, numbers)


@given(st.text("ab[]0129-, 【】`\n", max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_cutting_the_stream_changes_nothing(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert through(pieces, [1, 2, 3]) == through([text], [1, 2, 3])


def test_numbers_lead_to_their_hits() -> None:
    passages = [make_citation(1, text="a"), make_citation(4, text="b")]
    found = citations("first [4], then [1] and [7], `[2]` is code", passages)
    assert found == (passages[1], passages[0])


def test_a_number_is_not_a_rank() -> None:
    passages = [make_citation(5, rank=1), make_citation(6, rank=2)]
    assert citations("so [6], and [1] and [2]", passages) == (passages[1],)
    wording = [
        make_citation(5, rank=1, text="completely different words about cooking"),
        make_citation(6, rank=2, text="set quant_policy=8 to switch on int8 quantization"),
    ]
    text = "Set quant_policy=8 to switch on int8 quantization."
    assert attribute(text, wording) == 6
    attributor = Attributor(wording)
    assert attributor.feed(text) + attributor.finish() == f"{text} [6]"


def test_uncited_text_is_attributed_by_wording() -> None:
    hits = [
        make_citation(1, text="completely different words about cooking"),
        make_citation(2, text="set quant_policy=8 to switch on int8 KV cache quantization"),
    ]
    assert attribute("You can set quant_policy=8 for KV cache quantization.", hits) == 2
    assert attribute("天气很好，我们去公园散步吧。", hits) is None
    assert attribute("", hits) is None


def test_marks_before_the_first_word_are_kept_aside() -> None:
    filtered = CitationFilter([1, 2])
    shown = "".join(filtered.feed(piece) for piece in ["[", "2] ", "[9]", "\n", "Set it to 8 [1]."])
    assert shown + filtered.finish() == "Set it to 8 [1]."
    assert (filtered.leading, filtered.numbers) == ([2], [1])


HITS = [
    make_citation(1, text="Set quant_policy to 8 to quantize the kv cache to 8 bits online."),
    make_citation(2, text="The server listens on port 23333 unless --server-port says otherwise."),
]
ANSWER = (
    "Set quant_policy to 8 to quantize the kv cache.\n\n"
    "```\nquant_policy=8\n\nserver\n```\n\n"
    "The server listens on port 23333.\n\nAs said before [1].\n\nAnd good luck to you."
)
ATTRIBUTED = ANSWER.replace("kv cache.", "kv cache. [1]").replace("23333.", "23333. [2]")


def attributed(pieces: list[str]) -> str:
    attributor = Attributor(HITS)
    return "".join(map(attributor.feed, pieces)) + attributor.finish()


def test_paragraphs_without_a_citation_get_one_from_their_wording() -> None:
    assert attributed([ANSWER]) == ATTRIBUTED


@given(st.lists(st.integers(0, len(ANSWER)), max_size=8))
def test_attribution_does_not_depend_on_how_the_stream_is_cut(cuts: list[int]) -> None:
    places = sorted({0, len(ANSWER), *cuts})
    assert attributed([ANSWER[a:b] for a, b in pairwise(places)]) == ATTRIBUTED


def test_headings_are_not_cited_and_tables_below() -> None:
    hits = [
        make_citation(1, text="## Ingredients\n\nlasagna sheets, beef and a white sauce of milk"),
        make_citation(2, text="## Ingredients\n\n| cream | 100 ml |\n| tomatoes | 1 kg |"),
    ]
    attributor = Attributor(hits)
    table = "| cream | 100 ml |\n| tomatoes | 1 kg |"
    text = attributor.feed(f"## Ingredients\n\n{table}") + attributor.finish()
    assert text == f"## Ingredients\n\n{table}\n\n[2]"


def test_a_subscript_is_no_citation() -> None:
    attributor = Attributor([make_citation(text="print outputs[0].text to see the first answer")])
    text = attributor.feed("print outputs[0].text to see it") + attributor.finish()
    assert text == "print outputs[0].text to see it [1]"


def test_an_answer_that_ends_with_code_is_cited_below_it() -> None:
    assert attributed(["Do this:\n```\nquant_policy to 8 to quantize\n```"]).endswith("```\n\n[1]")


def test_numbers_before_the_first_word_are_used_where_there_are_no_others() -> None:
    attributor = Attributor(HITS)
    assert attributor.feed("Good luck.") + attributor.finish([2]) == "Good luck. [2]"
