"""The JSON of hits, answers and errors; scripts/ask.py and search.py show the rest of it."""

from __future__ import annotations

import json

from assistant.contract import answer_fields, error_fields, retrieved_fields
from assistant.documents import Answer
from assistant.errors import QuestionTooLongError
from tests.builders import make_citation, make_hit, make_retrieved


def test_a_citation_has_its_number_and_the_rank_of_its_hit() -> None:
    answer = Answer("x [5]", refused=False, citations=(make_citation(5, rank=1),), model="tiny")
    fields = json.loads(json.dumps(answer_fields(answer)))
    (citation,) = fields["citations"]
    assert (citation["number"], citation["rank"], citation["source"]) == (
        5,
        1,
        "lmdeploy/docs/a.md",
    )
    assert (fields["answer_id"], fields["model"]) == (answer.id, "tiny")


def test_a_search_result_can_be_written_as_json() -> None:
    fields = json.loads(json.dumps(retrieved_fields(make_retrieved("量化？", hits=(make_hit(),)))))
    assert (fields["question"], fields["language"], fields["answerable"]) == ("量化？", "zh", True)
    assert fields["evidence"]["similarity"] == 0.8
    assert [hit["rank"] for hit in fields["hits"]] == [1]


def test_an_error_is_a_sentence_and_its_parts() -> None:
    error = QuestionTooLongError(3000, 2000)
    assert error_fields(error) == {
        "error": str(error),
        "kind": "QuestionTooLongError",
        "got": "the question has 3000 characters",
        "expected": "at most 2000",
        "action": "Shorten it and send it again.",
        "facts": {"characters": 3000, "limit": 2000},
    }
