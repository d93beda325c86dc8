"""Where documents come from: git repositories and folders.

`sources_file` reads the list, `checkout` makes a source's files available, with `clones`
for repositories and `git` for single commands; `files` lists what a source offers,
`globs` says which paths are wanted, `links` makes the addresses that open a passage.
"""

from assistant.sources.checkout import Checkout, fetch
from assistant.sources.files import list_files
from assistant.sources.links import link_for
from assistant.sources.sources_file import read_sources

__all__ = ["Checkout", "fetch", "link_for", "list_files", "read_sources"]
