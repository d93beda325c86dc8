"""Finds the passages for a question and decides whether they can answer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.answering.follow_up import standalone_by_rules
from assistant.answering.grounding import Calibration
from assistant.answering.prompts import check_text_only
from assistant.documents import Question, Retrieved, SearchFilters, Turn
from assistant.errors import QuestionError, QuestionTooLongError
from assistant.index import Manifest
from assistant.language import language_of, readable
from assistant.retriever import KnowledgeRetriever

Standalone = Callable[[str, Sequence[Turn]], str]


class Finder:
    """Searches for a question; the only part that decides whether it can be answered."""

    def __init__(
        self,
        retriever: KnowledgeRetriever,
        *,
        calibration: Callable[[Manifest], Calibration],
        threshold: float | None = None,
        max_question_chars: int,
        standalone: Standalone = standalone_by_rules,
    ) -> None:
        """Combine the parts.

        Args:
            retriever: Finds the passages.
            calibration: Manifest of an index -> its calibration, which estimates from the
                evidence whether the knowledge base has an answer.
            threshold: Overrides the calibrated threshold.
            max_question_chars: Longer questions are rejected.
            standalone: Rewrites a follow-up question, given its history, as a standalone one.
        """
        self._retriever = retriever
        self._calibration = calibration
        self._threshold = threshold
        self._max_question_chars = max_question_chars
        self._standalone = standalone

    def find(
        self,
        question: Question,
        history: Sequence[Turn] = (),
        filters: SearchFilters | None = None,
        k: int | None = None,
    ) -> Retrieved:
        """Search for a question and judge the results.

        Args:
            question: As it was asked; may be a follow-up to `history`.
            history: Earlier turns, oldest first.
            filters: Limits on the search.
            k: Maximum number of hits; None: the retriever's default.

        Raises:
            QuestionError: The question is empty.
            QuestionTooLongError: The question exceeds the maximum length.
            ImagesNotReadError: The question, or one before it, has an image.
            FilterError: The index has no source named in `filters`.
            ChatModelError: The model that should rewrite a follow-up question failed.
        """
        question = self._checked(question)
        check_text_only(question, history)
        started = time.perf_counter()
        searched = self._standalone(question.text, history) if history else question.text
        found = self._retriever.search(searched, k, filters)
        calibration = self._calibration(found.manifest)
        confidence = calibration.probability(found.evidence, found.vector)
        return Retrieved(
            question=question,
            history=tuple(history),
            language=language_of(question.text),
            searched_for=searched,
            hits=found.hits,
            answerable=bool(found.hits) and confidence >= self.threshold(found.manifest),
            confidence=confidence,
            evidence=found.evidence,
            vector=found.vector,
            index_version=found.version,
            milliseconds=(time.perf_counter() - started) * 1000,
        )

    def threshold(self, manifest: Manifest) -> float:
        """Lowest confidence at which a question counts as answerable in an index."""
        if self._threshold is not None:
            return self._threshold
        return self._calibration(manifest).threshold

    def _checked(self, question: Question) -> Question:
        """The question, stripped and without characters that tokenizers reject.

        Raises:
            QuestionError: The question is empty.
            QuestionTooLongError: The question exceeds the maximum length.
        """
        text = readable(question.text).strip()
        if not text:
            raise QuestionError(
                "the question is empty", expected="a question", action="Type one and send it again."
            )
        if len(text) > self._max_question_chars:
            raise QuestionTooLongError(len(text), self._max_question_chars)
        return replace(question, text=text)
