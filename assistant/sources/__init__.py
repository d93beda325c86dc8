"""The sources of documents: git repositories and local folders.

`sources_file` reads the list of sources. `checkout` puts a source's files on disk, using
`clones` for repositories and `git` to run commands. `files` lists a source's files, `globs`
selects paths, and `links` builds the addresses that open a passage.
"""

from assistant.sources.checkout import Checkout, fetch
from assistant.sources.files import list_files
from assistant.sources.links import link_for
from assistant.sources.sources_file import read_sources

__all__ = ["Checkout", "fetch", "link_for", "list_files", "read_sources"]
