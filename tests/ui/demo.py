"""A page over a small real index, with a chat model whose words and pace a test sets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from assistant.answering.chain import AnswerChain
from assistant.answering.find import Finder
from assistant.answering.grounding import shipped_calibration
from assistant.answering.slots import WritingSlots
from assistant.answering.write import Writer
from assistant.documents import Chunk, Source
from assistant.errors import ChatModelError
from assistant.index import LiveIndex, Manifest
from assistant.index.manifest import FileEntry, SourceEntry
from assistant.indexing.build import build_index
from assistant.indexing.job import BuildPlan
from assistant.indexing.survey import FileRules
from assistant.retriever import KnowledgeRetriever
from assistant.sources import fetch
from tests.builders import make_chunk
from tests.fakes import HashEmbedder, ScriptedChatModel
from tests.sources.repositories import make_repository

KV_CACHE = """# KV cache

## How to quantize the kv cache online

Set `quant_policy` to 8 to quantize the kv cache online:

```python
from lmdeploy import pipeline, TurbomindEngineConfig
engine = TurbomindEngineConfig(quant_policy=8)
```

| policy | bits |
| --- | --- |
| 4 | int4 |
| 8 | int8 |
"""
KV_CACHE_ZH = "# KV Cache 量化\n\n把 quant_policy 设为 8，就可以在线量化 kv cache。\n"
HOSTILE = """# Quantize <script>window.hacked = 'heading'</script>

How to quantize the kv cache of a hostile document: ${window.hacked = 1} {{constructor}}

```html
<script>window.hacked = "passage"</script><img src=x onerror="window.hacked='image'">
```

![picture](https://images.example.org/track.png) <img src=x onerror="window.hacked='prose'">
"""
INSTALL = "# Installing\n\nInstall LMDeploy with pip install lmdeploy.\n"
ANSWER = (
    "Set `quant_policy` to **8** to quantize the kv cache online [1]. "
    "It is a field of the engine's configuration:\n\n"
    "```python\nengine = TurbomindEngineConfig(quant_policy=8)\n```\n\n"
    "* int4 needs policy 4 [1].\n* int8 needs policy 8 [1].\n"
)
HOSTILE_ANSWER = (
    "<script>window.hacked = 'answer'</script> <img src=x onerror=\"window.hacked='img'\"> "
    "![picture](https://images.example.org/track.png) [link](javascript:window.hacked='link') "
    "[1]: https://evil.example.org quantize kv cache [1]\n"
)
QUESTION = "how to quantize the kv cache online"


class PacedChatModel(ScriptedChatModel):
    """Reads for a while, giving empty pieces as real ones do, then writes piece by piece.

    Attributes:
        reading_seconds: Until the first word.
        piece_seconds: Between words.
        fails: Raise this instead of answering.
        stopped: Set when an answer was broken off before its end.
        written: Pieces given so far.
    """

    reading_seconds: float = 0.0
    piece_seconds: float = 0.0
    fails: Any = None
    stopped: Any = None
    written: int = 0

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        finished = False
        try:
            for _step in range(int(self.reading_seconds / 0.05)):
                time.sleep(0.05)
                yield ChatGenerationChunk(message=AIMessageChunk(content=""))
            if self.fails is not None:
                raise self.fails
            for piece in super()._stream(messages, stop):
                time.sleep(self.piece_seconds)
                self.written += 1
                yield piece
            finished = True
        finally:
            if not finished:
                self.stopped.set()


def make_model(*replies: str, **fields: Any) -> PacedChatModel:
    return PacedChatModel(replies=list(replies or [ANSWER]), stopped=threading.Event(), **fields)


def model_failure() -> ChatModelError:
    return ChatModelError(
        "the server http://10.0.0.1:23333 does not answer",
        expected="an answer",
        action="Start it.",
    )


def kv_cache_chunk() -> Chunk:
    return make_chunk(
        id="kv",
        text=KV_CACHE,
        source="lmdeploy",
        path="docs/en/quantization/kv_quant.md",
        heading=("KV Cache", "How to quantize the kv cache online"),
        start_line=12,
        end_line=26,
        commit="1263d5cd889b7ad5",
        url="https://github.com/InternLM/lmdeploy/blob/1263d5cd889b7ad5/docs/en/a.md#L12-L26",
    )


def hostile_chunk() -> Chunk:
    return make_chunk(
        id="hostile",
        text=HOSTILE,
        source="xtuner",
        path="docs/<b>en</b>/hostile.md",
        heading=("Quantize <script>window.hacked = 'heading'</script>",),
        url="javascript:window.hacked='url'",
        commit="b934f462095c1e75",
    )


def build_sample_index(folder: Path) -> Path:
    """An index built from real repositories, all in `folder`; returns its own folder."""
    build_index(
        _sources(folder),
        lambda source, _: fetch(source, folder=folder / "clones", timeout_seconds=20),
        folder / "db",
        HashEmbedder(dimension=512),
        BuildPlan(200, FileRules(100_000), workers=1),
    )
    return folder / "db"


def make_demo_chain(
    index: Path,
    model: PacedChatModel,
    *,
    answers: bool = True,
    slots: WritingSlots | None = None,
) -> AnswerChain:
    """The real chain and retriever over the sample index.

    Args:
        index: From `build_sample_index`.
        model: Writes the answers.
        answers: Whether every question counts as answerable; else none does.
        slots: How many answers are written at once; None: any number.
    """
    embedder = HashEmbedder(dimension=512)
    finder = Finder(
        KnowledgeRetriever(index=LiveIndex(index, embedder), embedder=embedder),
        calibration=lambda _: shipped_calibration(embedder.identity),
        threshold=0.0 if answers else 1.1,
        max_question_chars=2000,
    )
    return AnswerChain(finder, Writer(model, passages_tokens=600), slots)


def _sources(folder: Path) -> list[Source]:
    repositories = {
        "lmdeploy": {
            "docs/en/quantization/kv_quant.md": KV_CACHE,
            "docs/zh_cn/quantization/kv_quant.md": KV_CACHE_ZH,
        },
        "xtuner": {"docs/en/hostile.md": HOSTILE},
    }
    sources = []
    for name, files in repositories.items():
        repository = make_repository(folder / "upstream" / name, files)
        link = f"https://github.com/InternLM/{name}/blob/{{commit}}/{{path}}"
        lines = "?plain=1#L{start_line}-L{end_line}"
        sources.append(Source(name, git=(repository.address,), link=link + lines))
    articles = folder / "starter"
    articles.mkdir()
    (articles / "install.md").write_text(INSTALL, encoding="utf-8")
    return [*sources, Source("starter", folder=articles)]


def sample_manifest() -> Manifest:
    return Manifest(
        embedder="hash:512",
        dimension=512,
        splitting={},
        chunks=4,
        sources={
            "lmdeploy": SourceEntry("1263d5cd889b7ad5", None, (), 2, 2),
            "xtuner": SourceEntry("b934f462095c1e75", None, (), 1, 1),
            "starter": SourceEntry("", None, (), 1, 1),
        },
        files={f"lmdeploy/{place}.md": FileEntry("", 1) for place in range(4)},
    )
