"""Find the passages for a question, or for each line of a file of questions.

With --batch a question that is too long gets a line with its error, the others are searched
for, and the exit code is 1.
"""

from __future__ import annotations

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
from assistant.contract import hit_fields, retrieved_fields
from assistant.documents import Question, Retrieved


def main() -> int:
    """Search and print the hits."""
    arguments_parser = question_parser(__doc__)
    arguments_parser.add_argument("-k", type=int, default=10, help="number of hits (default 10)")
    arguments = arguments_parser.parse_args()
    if arguments.k < 1:
        arguments_parser.error(f"-k is {arguments.k}; it must be at least 1")
    questions = questions_of(arguments_parser, arguments)
    application = Application(settings_for(arguments), TerminalProgress())
    finder, filters = application.finder, filters_of(arguments)
    application.retriever.retrieve("", 1)  # loads what is loaded at first use, which is not counted

    def find(question: str) -> Retrieved:
        return finder.find(Question(question), filters=filters, k=arguments.k)

    if arguments.batch is not None:
        return print_each(questions, lambda question: retrieved_fields(find(question)))
    retrieved = find(questions[0][1])
    if arguments.json:
        print_json(retrieved_fields(retrieved))
    else:
        _print(retrieved)
    return 0


def _print(retrieved: Retrieved) -> None:
    for hit in map(hit_fields, retrieved.hits):
        lines = f"{hit['start_line']}-{hit['end_line']}"
        print(f"{hit['rank']:2}  {hit['score']:.3f}  {hit['source']}:{lines}")
        print(f"           {hit['heading']}\n           {hit['url']}")
    if not retrieved.answerable:
        say("The knowledge base seems to have no answer to this.")
