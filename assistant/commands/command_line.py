"""What all commands share: common options, errors, JSON."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, is_dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from assistant.commands.terminal_progress import BarFriendlyHandler, say
from assistant.contract import Fields, error_fields
from assistant.documents import SearchFilters
from assistant.environment import prepare_environment
from assistant.errors import AssistantError, ChatModelError, QuestionError
from assistant.settings import Settings, load_settings


def parser(description: str | None, *, prints_json: bool = True) -> argparse.ArgumentParser:
    """A parser with the options that mean the same everywhere, and --json if `prints_json`."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--sources", type=Path, metavar="F", help="the sources file")
    result.add_argument("--db", type=Path, metavar="D", help="the index folder")
    result.add_argument("--model", metavar="NAME", help="the chat model")
    if prints_json:
        result.add_argument("--json", action="store_true", help="print JSON on standard output")
    return result


def question_parser(description: str | None) -> argparse.ArgumentParser:
    """`parser` with one question or a file of them, and options that limit the search."""
    result = parser(description)
    result.add_argument("question", nargs="?", metavar="QUESTION")
    result.add_argument("--batch", type=Path, metavar="F.jsonl", help="id and question")
    add_filters(result)
    return result


def questions_of(
    arguments_parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> list[tuple[str | None, str]]:
    """The questions given to a `question_parser`: id, None for a single one, and question."""
    if (arguments.question is None) == (arguments.batch is None):
        arguments_parser.error("give either a QUESTION or --batch")
    if arguments.batch is None:
        return [(None, arguments.question)]
    from assistant.evaluation import read_questions  # slow, and not every command has questions

    return [(asked.id, asked.question) for asked in read_questions(arguments.batch)]


def add_filters(arguments: argparse.ArgumentParser) -> None:
    """Options that limit a search; each may be given several times."""
    arguments.add_argument("--source", action="append", default=[], metavar="NAME")
    arguments.add_argument("--language", action="append", default=[], choices=["zh", "en"])
    arguments.add_argument(
        "--path", action="append", default=[], metavar="GLOB", help="such as 'docs/**/*.md'"
    )


def filters_of(arguments: argparse.Namespace) -> SearchFilters:
    """What `add_filters` got."""
    return SearchFilters(tuple(arguments.source), tuple(arguments.language), tuple(arguments.path))


def settings_for(arguments: argparse.Namespace) -> Settings:
    """The settings, with what the command line says instead."""
    return load_settings(
        sources_file=arguments.sources and arguments.sources.resolve(),
        db_folder=arguments.db and arguments.db.resolve(),
        chat_model=arguments.model,
    )


def run(command: Callable[[], int]) -> None:
    """Run a command; errors meant for people end it with their exit code.

    Ctrl-C, and a stop by whoever started it, end it with 130.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # characters the terminal lacks
    logging.basicConfig(
        level=logging.WARNING, format="%(message)s", handlers=[BarFriendlyHandler()]
    )
    logging.getLogger("assistant").setLevel(logging.INFO)
    try:
        prepare_environment()
        sys.exit(command())
    except AssistantError as error:
        say(f"Error: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        say("Interrupted. What was finished is kept; the same command continues from there.")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def print_json(content: Any) -> None:
    """One JSON object on one line of standard output."""
    if is_dataclass(content) and not isinstance(content, type):
        content = asdict(content)
    all_characters = sys.stdout.encoding.lower() in ("utf-8", "utf8")
    print(json.dumps(content, ensure_ascii=not all_characters), flush=True)


def print_each(questions: Iterable[tuple[str | None, str]], result: Callable[[str], Fields]) -> int:
    """Print one line of JSON for each question of a file.

    A question that cannot be used, or on which the model fails, gets a line with its error.

    Args:
        questions: Id and question.
        result: Gives the fields of the line for a question.

    Returns:
        The command's exit code: 1 if there was an error.
    """
    failed = False
    for identifier, question in questions:
        try:
            fields = result(question)
        except (QuestionError, ChatModelError) as error:
            failed = True
            fields = error_fields(error)
            say(f"{identifier}: {error}")
        print_json({"id": identifier, **fields})
    return 1 if failed else 0
