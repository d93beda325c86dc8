"""The list of sources as HTML."""

from __future__ import annotations

from assistant.documents import Citation, Question, SearchHit
from assistant.ui.conversation import Exchange
from assistant.ui.sources_panel import panel
from tests.builders import make_citation
from tests.ui.demo import hostile_chunk, kv_cache_chunk
from tests.ui.test_markup import Seen


def test_a_card_has_repository_path_heading_lines_and_a_link_at_the_commit() -> None:
    html = panel(
        (Exchange(Question("q"), "reading", (Citation(1, SearchHit(kv_cache_chunk(), 0.9, 1)),)),)
    )
    text = Seen(html).text
    for part in ("lmdeploy", "docs/en/quantization/kv_quant.md", "lines 12–26", "第 12–26 行"):
        assert part in text
    assert "KV Cache › How to quantize the kv cache online" in text
    (link,) = Seen(html).links
    assert link["href"] == kv_cache_chunk().url
    assert link["target"] == "_blank"
    assert "noopener" in (link["rel"] or "")
    assert "1263d5c" in text


def test_the_passage_is_there_with_its_line_ends() -> None:
    chunk = kv_cache_chunk()
    html = panel((Exchange(Question("q"), "reading", (Citation(1, SearchHit(chunk, 0.9, 1)),)),))
    assert chunk.text in Seen(html).text


def test_nothing_of_a_hostile_document_gets_through() -> None:
    html = panel(
        (
            Exchange(
                Question("<img src=x>"),
                "answered",
                (Citation(1, SearchHit(hostile_chunk(), 0.9, 1)),),
            ),
        )
    )
    seen = Seen(html)
    assert not seen.tags & {"script", "img", "b"}
    assert seen.links == []
    assert "<script>window.hacked" in seen.text


def test_sources_of_a_refused_question_are_called_related_and_not_evidence() -> None:
    refused = Seen(panel((Exchange(Question("q"), "refused", (make_citation(),)),))).text
    answered = Seen(panel((Exchange(Question("q"), "answered", (make_citation(),)),))).text
    assert "not evidence" in refused
    assert "Related" in refused
    assert "not evidence" not in answered


def test_cited_sources_are_marked() -> None:
    hits = (make_citation(1), make_citation(2))
    html = panel((Exchange(Question("q"), "answered", hits, cited=(2,)),))
    assert 'class="source cited" id="source-0-2"' in html
    assert 'class="source" id="source-0-1"' in html


def test_cards_have_the_numbers_of_the_answer() -> None:
    passages = (make_citation(5, rank=1), make_citation(6, rank=2))
    html = panel((Exchange(Question("q"), "answered", passages, cited=(6,)),))
    assert 'class="source" id="source-0-5"' in html
    assert 'class="source cited" id="source-0-6"' in html
    assert '<span class="number">6</span>' in html


def test_earlier_questions_keep_their_sources_folded_under_ids_of_their_own() -> None:
    first = Exchange(Question("first?"), "answered", (make_citation(),), cited=(1,))
    html = panel((first, Exchange(Question("second?"), "searching")))
    assert 'id="source-0-1"' in html
    assert html.index("Searching") < html.index("first?") < html.index('id="source-0-1"')
    assert '<details class="earlier" id="earlier-0">' in html


def test_an_empty_panel_says_what_it_is_for() -> None:
    assert "before the answer begins" in Seen(panel(())).text


def test_no_hits_are_said() -> None:
    assert "No passages were found" in Seen(panel((Exchange(Question("q"), "refused"),))).text
