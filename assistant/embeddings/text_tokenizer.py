"""Texts to token ids by a `tokenizer.json`; knows nothing of vectors.

A multilingual vocabulary of a quarter of a million pieces takes the library 0.6 s to
load, which an edited page or a question does not need: Unigram (Kudo, "Subword
Regularization", ACL 2018) weighs only pieces that stand in the text. So the first texts
are cut by a tokenizer of these pieces alone, with the same result.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
from tokenizers import Tokenizer

_FEW = 60_000  # characters, in all; for more the whole vocabulary is loaded


class TextTokenizer:
    """Loads what it needs when it needs it; may be used by several threads at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._seen = 0
        self._whole: Tokenizer | None = None
        self._part: _Part | None = None

    def __reduce__(self) -> tuple[type[TextTokenizer], tuple[Path]]:
        """For another process, which loads for itself."""
        return TextTokenizer, (self._file,)

    def load(self) -> None:
        """Load the whole vocabulary now, so that no later text waits for it."""
        with self._lock:
            self._loaded()

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens."""
        tokenizer, _ = self._prepared(texts)
        return list(map(len, tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)))

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, with special tokens."""
        tokenizer, ids = self._prepared(texts)
        encodings = tokenizer.encode_batch_fast(list(texts))
        if ids is None:
            return [encoding.ids for encoding in encodings]
        return [[ids[place] for place in encoding.ids] for encoding in encodings]

    def _prepared(self, texts: Sequence[str]) -> tuple[Tokenizer, list[int] | None]:
        """A tokenizer for these texts, and the ids that its own stand for; None: they are ids."""
        with self._lock:
            self._seen += sum(map(len, texts))
            if self._whole is None and self._seen <= _FEW:
                self._part = self._part or _Part.of(self._file)
                if self._part is not None:
                    return self._part.covering(texts)
            return self._loaded(), None

    def _loaded(self) -> Tokenizer:
        if self._whole is None:
            self._whole, self._part = _plain(Tokenizer.from_file(str(self._file))), None
        return self._whole


class _Part:
    """A Unigram tokenizer of the pieces that stand in the texts so far."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self._vocabulary: list[tuple[str, float]] = content["model"].pop("vocab")
        self._place = {piece: place for place, (piece, _) in enumerate(self._vocabulary)}
        self._longest = max(map(len, self._place))
        # What is unknown costs as much less than the worst piece, so that one stays.
        worst = min(range(len(self._vocabulary)), key=lambda place: self._vocabulary[place][1])
        added = [token["content"] for token in content.setdefault("added_tokens", [])]
        self._added = re.compile("|".join(map(re.escape, added)) or r"(?!)")
        special = {self._place[token] for token in added}.union(*_frame_ids(content))
        self._ids = sorted(special | {content["model"]["unk_id"], worst})
        self._tokenizer = self._made()

    @classmethod
    def of(cls, file: Path) -> _Part | None:
        """None for what is no Unigram, is framed in another way, or has ids of its own."""
        content: dict[str, Any] = orjson.loads(file.read_bytes())
        model, added = content["model"], content.get("added_tokens", [])
        vocabulary = model.get("vocab")
        if model.get("type") != "Unigram" or model.get("byte_fallback") or not vocabulary:
            return None
        plain = all(
            token["id"] < len(vocabulary) and vocabulary[token["id"]][0] == token["content"]
            for token in added
        )
        frame = content.get("post_processor") or {"type": ""}
        framed = frame["type"] == "TemplateProcessing" and all(
            identifier < len(vocabulary) for ids in _frame_ids(content) for identifier in ids
        )
        framed &= all(map(content.get, ("normalizer", "pre_tokenizer")))
        return cls(content) if plain and framed and model.get("unk_id") is not None else None

    def covering(self, texts: Iterable[str]) -> tuple[Tokenizer, list[int]]:
        """A tokenizer that has every piece in the texts, and the ids that its own stand for."""
        found = self._pieces(texts).difference(self._ids)
        if found:
            self._ids = sorted(found.union(self._ids))
            self._tokenizer = self._made()
        return self._tokenizer, self._ids

    def _pieces(self, texts: Iterable[str]) -> set[int]:
        tokenizer = self._tokenizer
        words: set[str] = set()
        for text in texts:
            for form in {text, self._added.sub(" ", text)}:  # words begin behind a special token
                normal = tokenizer.normalizer.normalize_str(form)
                words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal))
        return {
            place
            for word in words
            for start in range(len(word))
            for end in range(start + 1, min(len(word), start + self._longest) + 1)
            if (place := self._place.get(word[start:end])) is not None
        }

    def _made(self) -> Tokenizer:
        content = copy.deepcopy(self._content)
        own = {identifier: place for place, identifier in enumerate(self._ids)}
        model = content["model"]
        model["vocab"] = [self._vocabulary[identifier] for identifier in self._ids]
        model["unk_id"] = own[model["unk_id"]]
        for token in content["added_tokens"]:
            token["id"] = own[token["id"]]
        for token in content["post_processor"]["special_tokens"].values():
            token["ids"] = [own[identifier] for identifier in token["ids"]]
        return _plain(Tokenizer.from_str(orjson.dumps(content).decode()))


def _frame_ids(content: dict[str, Any]) -> list[list[int]]:
    """Ids of the special tokens that are put around a text."""
    return [token["ids"] for token in content["post_processor"]["special_tokens"].values()]


def _plain(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
