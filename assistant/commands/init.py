"""Write a first sources file, knowledge/sources.toml, for documents in the folder documents/.

A file that is there is left as it is.
"""

from assistant.commands.command_line import parser, settings_for
from assistant.commands.terminal_progress import say
from assistant.errors import SourcesFileError
from assistant.project import PROJECT_FOLDER, as_typed

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
    file = settings_for(parser(__doc__, prints_json=False).parse_args()).sources_file
    if file.exists():
        say(f"{file} is there already; it is left as it is.")
        return 1
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_FIRST_SOURCES, encoding="utf-8")
    except OSError as error:
        raise SourcesFileError(
            f"{file} cannot be written: {error.strerror}",
            expected="a folder that this user may write",
            action="Start it in another folder, or name another file with --sources.",
        ) from error
    folder = PROJECT_FOLDER / "documents"
    say(f"{file} written. Put documents into {folder}, then run: {as_typed('build-index')}")
    return 0
