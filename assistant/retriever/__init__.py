"""A question to ranked hits and the evidence for them; knows nothing of prompts or answers.

`candidates` finds passages by vectors and by words, `fusion` makes one list of different
things, `sections` puts broken sections together, `evidence` says how well the question is
covered, `reranking` is optional, `retriever` joins them.
"""

from __future__ import annotations

from assistant.retriever.retriever import Found, KnowledgeRetriever, as_document

__all__ = ["Found", "KnowledgeRetriever", "as_document"]
