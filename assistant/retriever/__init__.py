"""A question to ranked hits, from one or several collections, and the evidence for them.

`passages` numbers what is searched, `candidates` finds passages by vectors and by words,
`fusion` makes one list of different things, `sections` puts broken sections together,
`evidence` says how well the question is covered, `reranking` is optional, `retriever` joins
them.
"""

from __future__ import annotations

from assistant.retriever.retriever import Found, KnowledgeRetriever, as_document

__all__ = ["Found", "KnowledgeRetriever", "as_document"]
