"""Keyword search with BM25 over Chinese words and identifiers, stored on disk or in memory.

`words` segments text, `pages` finds translations of a page, `glossary` learns translations of
words, `index` holds each word's scores, and `concepts` looks up a question in one or several
indexes.
"""

from assistant.keywords.index import KeywordIndex, write_keyword_index
from assistant.keywords.pages import PagePosition

__all__ = ["KeywordIndex", "PagePosition", "write_keyword_index"]
