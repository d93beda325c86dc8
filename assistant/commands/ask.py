"""Answer a question from the knowledge base, or each line of a file of questions.

With --batch a question that is too long, or on which the model fails, gets a line with its
error, the others are answered, and the exit code is 1.
"""

from __future__ import annotations

import sys

from assistant.answering.chain import AnswerChain
from assistant.application import Application
from assistant.commands.command_line import (
    filters_of,
    print_each,
    print_json,
    question_parser,
    questions_of,
    settings_for,
)
from assistant.commands.terminal_progress import TerminalProgress, say
from assistant.contract import answer_fields
from assistant.documents import Answer, Delta, SearchFilters


def main() -> int:
    """Ask and print the answer with its sources."""
    arguments_parser = question_parser(__doc__)
    arguments = arguments_parser.parse_args()
    questions = questions_of(arguments_parser, arguments)
    chain = Application(settings_for(arguments), TerminalProgress()).chain
    filters = filters_of(arguments)
    if arguments.batch is not None:
        return print_each(questions, lambda question: answer_fields(ask(chain, question, filters)))
    answer = ask(chain, questions[0][1], filters, aloud=not arguments.json)
    if arguments.json:
        print_json(answer_fields(answer))
    return 0


def ask(
    chain: AnswerChain, question: str, filters: SearchFilters, *, aloud: bool = False
) -> Answer:
    """The answer; with `aloud` also written to standard output as it comes, sources after it."""
    events = chain.answer(question, filters=filters)
    while not isinstance(event := next(events), Answer):
        if isinstance(event, Delta) and aloud:
            sys.stdout.write(event.text)
            sys.stdout.flush()
    if aloud:
        print()
        if event.cut:
            say("The answer reached its limit of length or time and is not complete.")
        for citation in event.citations:
            chunk = citation.hit.chunk
            lines = f"{chunk.start_line}-{chunk.end_line}"
            say(f"[{citation.number}] {chunk.address}:{lines}  {chunk.url}")
    return event
