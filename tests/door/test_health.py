"""`GET /health`."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.testclient import TestClient

from assistant.application import Application
from assistant.door import health_route
from tests.scripts.commands import build_sample, settings_in


def test_it_names_index_and_model_and_nothing_else(tmp_path: Path) -> None:
    build_sample(tmp_path)
    settings = settings_in(tmp_path, chat_backend="openai_compatible", chat_model="tiny")
    application = Application(settings)
    client = TestClient(Starlette(routes=[health_route(application)]))
    told = client.get("/health").json()
    assert set(told) == {"status", "index", "chunks", "model"}
    assert (told["status"], told["model"]) == ("ok", "tiny")
    assert told["chunks"] == application.retriever.manifest.chunks
    assert client.post("/health").status_code == 405
    application.close()


def test_without_an_index_it_says_so_by_status(tmp_path: Path) -> None:
    application = Application(settings_in(tmp_path))
    client = TestClient(Starlette(routes=[health_route(application)]))
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failed", "error": "IndexNotFoundError"}
