"""Answer a question from the knowledge base, or each line of a file of questions.

With --batch a question that is too long, or on which the model fails, gets a line with its
error, and the others go on; the exit code is 1 then.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from command_line import (
    add_filters,
    add_questions,
    filters_of,
    hit_fields,
    parser,
    print_json,
    questions_of,
    run,
    say,
    settings_for,
)
from terminal_progress import TerminalProgress

from assistant.answering.chain import AnswerChain
from assistant.application import Application
from assistant.documents import Answer, Delta, SearchFilters
from assistant.errors import ChatModelError, QuestionError


def main() -> int:
    """Ask and print the answer with its sources."""
    arguments_parser = parser(__doc__)
    add_questions(arguments_parser)
    add_filters(arguments_parser)
    arguments = arguments_parser.parse_args()
    pairs = questions_of(arguments_parser, arguments)
    settings = settings_for(arguments)
    chain = Application(settings, TerminalProgress()).chain
    filters = filters_of(arguments)
    if arguments.batch is not None:
        return _ask_all(chain, pairs, filters)
    answer = _ask(chain, pairs[0][1], filters, aloud=not arguments.json)
    if arguments.json:
        print_json(answer_fields(answer))
    return 0


def _ask_all(
    chain: AnswerChain, pairs: Sequence[tuple[str | None, str]], filters: SearchFilters
) -> int:
    failed = 0
    for identifier, question in pairs:
        try:
            fields = answer_fields(_ask(chain, question, filters, aloud=False))
        except (QuestionError, ChatModelError) as error:
            failed += 1
            fields = {"error": str(error)}
            say(f"{identifier}: {error}")
        print_json({"id": identifier, **fields})
    return 1 if failed else 0


def _ask(chain: AnswerChain, question: str, filters: SearchFilters, *, aloud: bool) -> Answer:
    for event in chain.answer(question, filters=filters):
        if isinstance(event, Delta) and aloud:
            sys.stdout.write(event.text)
            sys.stdout.flush()
        if isinstance(event, Answer):
            break
    if aloud:
        print()
        for citation in event.citations:
            chunk = citation.hit.chunk
            lines = f"{chunk.start_line}-{chunk.end_line}"
            say(f"[{citation.number}] {chunk.address}:{lines}  {chunk.url}")
    return event


def answer_fields(answer: Answer) -> dict[str, Any]:
    """An answer as `--json` prints it."""
    timings = answer.timings
    return {
        "answer": answer.text,
        "refused": answer.refused,
        "citations": [{"number": c.number, **hit_fields(c.hit)} for c in answer.citations],
        "timings": {
            "retrieve": round(timings.retrieve, 1),
            "first_token": timings.first_token and round(timings.first_token, 1),
            "total": round(timings.total, 1),
        },
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
    }


if __name__ == "__main__":
    run(main)
