"""A conversation as chat messages."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

from assistant.documents import Question
from assistant.ui.conversation import Exchange, is_running, messages, turns
from assistant.ui.texts import ERRORS
from tests.builders import make_citation
from tests.ui.test_markup import Seen


def test_questions_are_shown_as_text() -> None:
    question, _ = messages((Exchange(Question("<script>alert(1)</script>\n**x** [1]")),))
    assert question["role"] == "user"
    seen = Seen(question["content"])
    assert seen.tags == {"div"}
    assert seen.text == "<script>alert(1)</script>\n**x** [1]"


def test_tabs_and_indentation_survive_gradios_cleaning() -> None:
    code = "all:\n\tmake\n\t\tinstall\n"
    asked = "why?\n    if x:\n\treturn"
    exchange = Exchange(Question(asked), "answered", text=f"so:\n\n```make\n{code}```\n")
    question, answer = (
        Seen(inspect.cleandoc(message["content"])) for message in messages((exchange,))
    )
    assert question.text == asked
    assert code in answer.text


def test_the_chain_is_told_of_finished_answers_only() -> None:
    conversation = (
        Exchange(Question("a"), "answered", text="A"),
        Exchange(Question("b"), "refused", text="do not know"),
        Exchange(Question("c"), "stopped", text="half"),
        Exchange(Question("d"), "failed"),
        Exchange(Question("e")),
    )
    assert [(turn.question.text, turn.answer) for turn in turns(conversation)] == [("a", "A")]


def test_waiting_says_what_is_happening_and_for_how_long() -> None:
    exchange = Exchange(Question("q"), "reading", (make_citation(), make_citation(2)), seconds=7.4)
    text = Seen(messages((exchange,))[1]["content"]).text
    assert "Passages found: 2" in text
    assert "7 s" in text
    assert is_running((exchange,))


def test_seconds_of_waiting_are_not_read_aloud() -> None:
    exchange = Exchange(Question("q"), "reading", (make_citation(),))
    contents = [messages((replace(exchange, seconds=s),))[1]["content"] for s in (1.0, 2.0)]
    aloud = [re.sub(r'<span aria-hidden="true">.*?s</span></span>', "", c) for c in contents]
    assert contents[0] != contents[1]
    assert aloud[0] == aloud[1]
    assert "role=" not in aloud[0]


def test_an_answer_without_citation_is_said_to_be_so() -> None:
    exchange = Exchange(Question("q"), "answered", (make_citation(),), text="yes")
    assert "cites no passage" in Seen(messages((exchange,))[1]["content"]).text


def test_an_error_keeps_what_was_written_before_it() -> None:
    exchange = Exchange(Question("q"), "failed", text="half an", error=ERRORS["ChatModelError"])
    text = Seen(messages((exchange,))[1]["content"]).text
    assert text.startswith("half an")
    assert ERRORS["ChatModelError"].en in text
    assert ERRORS["ChatModelError"].zh in text


def test_an_empty_question_shows_only_the_reply() -> None:
    exchange = Exchange(Question(""), "failed", error=ERRORS["QuestionError"])
    assert [message["role"] for message in messages((exchange,))] == ["assistant"]


def test_numbers_lead_to_the_sources_of_their_own_question() -> None:
    hits = (make_citation(),)
    conversation = tuple(Exchange(Question("q"), "answered", hits, text="x [1]") for _ in range(2))
    assert "#source-0-1" in messages(conversation)[1]["content"]
    assert "#source-1-1" in messages(conversation)[3]["content"]
    assert "#source-5-1" in messages(conversation[:1], first=5)[1]["content"]


def test_numbers_lead_to_passages_whatever_their_rank() -> None:
    passages = (make_citation(5, rank=1),)
    exchange = Exchange(Question("q"), "answered", passages, text="x [5], y [1]", cited=(5,))
    content = messages((exchange,))[1]["content"]
    assert "#source-0-5" in content
    assert "#source-0-1" not in content


def test_an_answer_is_marked_with_the_language_of_its_question() -> None:
    exchange = Exchange(Question("q"), "answered", text="x", language="zh")
    assert '<div class="answer answered" lang="zh">' in messages((exchange,))[1]["content"]
