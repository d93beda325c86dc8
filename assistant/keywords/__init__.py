"""BM25 over Chinese words and identifiers, stored beside the vectors or made in memory.

`words` cuts a text, `pages` finds translations of a page, `glossary` learns which words
mean the same, `index` has each word's scores, `concepts` looks a question up in one or
several indexes.
"""

from __future__ import annotations

from assistant.keywords.index import KeywordIndex, write_keyword_index
from assistant.keywords.pages import Place

__all__ = ["KeywordIndex", "Place", "write_keyword_index"]
