"""Retrieval: finds ranked passages for a question and measures how well they cover it.

`passages` numbers the passages of all collections, `candidates` ranks them by vectors and by
words, `fusion` merges the rankings, `sections` rejoins split sections, `evidence` measures
coverage, `reranking` is optional, and `retriever` combines them.
"""

from assistant.retriever.retriever import KnowledgeRetriever

__all__ = ["KnowledgeRetriever"]
