"""Write a first sources file, knowledge/sources.toml, for documents in the folder documents/.

A file that is there is left as it is.
"""

from __future__ import annotations

from assistant.commands.command_line import parser, say, settings_for

_FIRST_SOURCES = """\
# What the knowledge base has. Every source begins with a line [[source]] and has a name of
# your choice, and either a folder or a git repository.

[[source]]
name = "documents"
folder = "documents"  # beside this file, else where kb-assistant is started

# [[source]]
# name = "handbook"
# git = "https://github.com/acme/handbook"
# include = ["**/*.md", "docs/**/*.pdf"]
# link = "https://github.com/acme/handbook/blob/{commit}/{path}?plain=1#L{start_line}-L{end_line}"
"""


def main() -> int:
    """Write the file and say what to do next; 1 if there is one."""
    arguments_parser = parser(__doc__, json=False)
    file = settings_for(arguments_parser.parse_args()).sources_file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(_FIRST_SOURCES)
    except FileExistsError:
        say(f"{file} is there already; it is left as it is.")
        return 1
    say(f"{file} written. Put documents into ./documents, then run: kb-assistant build-index")
    return 0
