"""A small knowledge base in two languages, and a real index of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assistant.documents import Source
from assistant.embeddings.base import Embedder
from assistant.index import LiveIndex
from assistant.indexing import BuildReport
from assistant.indexing.build import build_index
from assistant.indexing.job import BuildPlan
from assistant.indexing.survey import FileRules
from assistant.sources import fetch
from tests.fakes import HashEmbedder

LINK = "https://example.org/blob/main/{path}#L{start_line}-L{end_line}"

PAGES = {
    "lmdeploy/docs/en/quantization/kv_quant.md": """# KV Cache Quantization

## Online quantization

Set `quant_policy` to 8 to quantize the kv cache online to int8.

## Memory

Half of the gpu memory is saved, so that more requests fit.
""",
    "lmdeploy/docs/zh_cn/quantization/kv_quant.md": """# KV Cache 量化

## 在线量化

把 `quant_policy` 设为 8，就可以在线把 kv cache 量化到 int8。

## 显存

可以节省一半的显存，能放下更多请求。
""",
    "lmdeploy/docs/en/install.md": "# Installation\n\nInstall it with `pip install lmdeploy`.\n",
    "lmdeploy/docs/en/serving.md": """# Serving

Start the server with `lmdeploy serve api_server --server-port 23333`.

Limit the cache with `--cache-max-entry-count 0.5`.
""",
    "lmdeploy/docs/zh_cn/faq.md": "# 常见问题\n\n端口被占用时，用 `--server-port` 换一个端口。\n",
    "xtuner/README.md": "# XTuner\n\nXTuner finetunes models with QLoRA on one GPU.\n",
    "xtuner/README_zh-CN.md": "# XTuner\n\nXTuner 用 QLoRA 在单卡上微调模型。\n",
    "xtuner/docs/dataset.md": "# Dataset formats\n\nA dataset is a JSON file of conversations.\n",
    "lagent/README.md": "# Lagent\n\nLagent builds agents that call tools, such as a search.\n",
}


def write_pages(folder: Path, pages: Mapping[str, str] = PAGES) -> list[Source]:
    """Write pages as `folder`/source/path; returns the sources."""
    for address, text in pages.items():
        file = folder / address
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    names = sorted({address.partition("/")[0] for address in pages})
    return [Source(name, folder=folder / name, link=LINK) for name in names]


def build_pages(
    folder: Path,
    pages: Mapping[str, str] = PAGES,
    embedder: Embedder | None = None,
    chunk_tokens: int = 40,
) -> BuildReport:
    """Write pages into `folder`/pages and build, or update, an index in `folder`/db."""
    return build_index(
        write_pages(folder / "pages", pages),
        lambda source, _: fetch(source, folder=folder / "clones", timeout_seconds=5),
        folder / "db",
        embedder or sample_embedder(),
        BuildPlan(chunk_tokens, FileRules(100_000), workers=0),
    )


def sample_embedder() -> HashEmbedder:
    """The embedder of the sample index."""
    return HashEmbedder(dimension=512)


def open_sample(folder: Path) -> LiveIndex:
    """The index that `build_pages` made in `folder`."""
    return LiveIndex(folder / "db", sample_embedder())
