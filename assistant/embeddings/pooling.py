"""Reads how a sentence-transformers model pools token vectors."""

from __future__ import annotations

import json
from pathlib import Path


def pooling_of(folder: Path) -> str:
    """Return "mean" or "cls", or another word for pooling that is not supported."""
    modules = folder / "modules.json"
    if not modules.exists():
        return "mean"
    kinds = {
        m["type"].rsplit(".", 1)[-1]: m["path"] for m in json.loads(modules.read_text("utf-8"))
    }
    if not set(kinds) <= {"Transformer", "Pooling", "Normalize"}:
        return "unknown"
    config = json.loads((folder / kinds["Pooling"] / "config.json").read_text("utf-8"))
    modes = [mode for mode, on in config.items() if mode.startswith("pooling_mode_") and on is True]
    mode = config.get("pooling_mode") or "+".join(modes)
    return {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}.get(mode, mode)
