"""Find the passages for a question, or for each line of a file of questions."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
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

from assistant.answering.grounding import Calibration, calibration_of, judge
from assistant.application import Application
from assistant.documents import SearchFilters
from assistant.retriever import KnowledgeRetriever


def main() -> int:
    """Search and print the hits."""
    arguments_parser = parser(__doc__)
    add_questions(arguments_parser)
    arguments_parser.add_argument("-k", type=int, default=10, help="number of hits (default 10)")
    add_filters(arguments_parser)
    arguments = arguments_parser.parse_args()
    if arguments.k < 1:
        arguments_parser.error(f"-k is {arguments.k}; it must be at least 1")
    pairs = questions_of(arguments_parser, arguments)
    settings = settings_for(arguments)
    finder = Application(settings, TerminalProgress()).retriever
    judging = Judging(calibration_of(finder.manifest), settings.answerable_threshold)
    filters = filters_of(arguments)
    finder.retrieve("", 1)  # loads what is loaded at first use, which is not counted
    for identifier, question in pairs:
        result = search(finder, question, arguments.k, judging, filters)
        if arguments.json or arguments.batch:
            print_json({"id": identifier, **result} if identifier is not None else result)
        else:
            _print(result)
    return 0


@dataclass(frozen=True, slots=True)
class Judging:
    """How answerability is judged."""

    calibration: Calibration
    threshold: float | None = None


def search(
    finder: KnowledgeRetriever,
    question: str,
    k: int,
    judging: Judging,
    filters: SearchFilters | None = None,
) -> dict[str, Any]:
    """The result for one question, as `--json` prints it."""
    started = time.perf_counter()
    found = finder.search(question, k, filters)
    grounding = judge(found.evidence, judging.calibration, judging.threshold, found.vector)
    milliseconds = (time.perf_counter() - started) * 1000
    return {
        "question": question,
        "hits": [hit_fields(hit) for hit in found.hits],
        "answerable": grounding.answerable and bool(found.hits),
        "confidence": round(grounding.confidence, 6),
        "evidence": asdict(found.evidence),
        "milliseconds": round(milliseconds, 3),
    }


def _print(result: dict[str, Any]) -> None:
    for hit in result["hits"]:
        lines = f"{hit['start_line']}-{hit['end_line']}"
        print(f"{hit['rank']:2}  {hit['score']:.3f}  {hit['source']}:{lines}")
        print(f"           {hit['heading']}\n           {hit['url']}")
    if not result["answerable"]:
        say("The knowledge base seems to have no answer to this.")


if __name__ == "__main__":
    run(main)
