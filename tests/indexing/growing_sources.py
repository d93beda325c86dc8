"""Sources for builds that grow."""

from __future__ import annotations

from pathlib import Path

from assistant.settings import Settings
from tests.sample_index import PAGES, write_pages
from tests.scripts.commands import settings_in
from tests.sources.repositories import make_repository


def settings_of_five_sources(tmp_path: Path) -> Settings:
    """Two repositories, one that cannot be fetched, and two folders, in this order."""
    tables = []
    for name in ("lmdeploy", "xtuner"):
        pages = {a.partition("/")[2]: t for a, t in PAGES.items() if a.startswith(name)}
        tables.append((name, f'git = "{make_repository(tmp_path / name, pages).address}"'))
    tables.append(("gone", f'git = "file://{tmp_path}/nowhere"'))
    write_pages(tmp_path / "pages")
    tables.append(("lagent", 'folder = "pages/lagent"'))
    tables.append(("more", 'folder = "pages/xtuner"'))
    text = "\n".join(f'[[source]]\nname = "{name}"\n{place}' for name, place in tables)
    (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
    return settings_in(tmp_path, build_missing_index=True)
