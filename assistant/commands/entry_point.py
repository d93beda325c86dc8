"""The program `kb-assistant`, whose first argument names a command."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

import assistant
from assistant.commands.command_line import run

_COMMANDS = {
    "init": "write a first sources file, which takes documents from a folder",
    "build-index": "build the index, or bring it up to date with its sources",
    "serve": "serve the page",
    "ask": "answer a question, or a file of questions",
    "search": "find the passages for a question, or a file of questions",
    "evaluate": "score retrieval, refusal and answers on your own questions",
    "download-model": "download a model from the first hub that has it",
}


def main() -> None:
    """Run the command that the first argument names with the arguments that follow it."""
    name = _parser().parse_args(sys.argv[1:2]).command
    module = import_module(f"assistant.commands.{name.replace('-', '_')}")
    sys.argv[:2] = [f"kb-assistant {name}"]  # what the command's parser calls itself
    run(module.main)


def _parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="kb-assistant",
        description="A knowledge-base assistant: answers from your documents, with their sources.",
        epilog="kb-assistant COMMAND --help describes a command.",
    )
    version = f"kb-assistant {assistant.__version__}"
    result.add_argument("--version", action="version", version=version)
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in _COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    return result


if __name__ == "__main__":
    main()
