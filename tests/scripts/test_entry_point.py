"""`kb-assistant`, in a checkout and as a package that is installed elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import assistant
from assistant.commands import entry_point
from assistant.settings import PROJECT_FOLDER
from tests.scripts.commands import Finished, minilm_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = Path(assistant.__file__).parent
COMMANDS = {"init", "build-index", "serve", "ask", "search", "evaluate", "download-model"}
METADATA = tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text(encoding="utf-8"))


def test_one_program_is_installed() -> None:
    (name,) = METADATA["project"]["scripts"]
    assert name == "kb-assistant"
    assert METADATA["project"]["scripts"][name] == f"{entry_point.__name__}:main"


def test_all_data_of_the_package_is_installed() -> None:
    globs = METADATA["tool"]["setuptools"]["package-data"]["assistant"]
    installed = {file for glob in globs for file in PACKAGE.glob(glob)}
    files = {
        file
        for file in PACKAGE.rglob("*.*")
        if file.is_file() and file.parent.name != "__pycache__"
    }
    assert {file for file in files if file.suffix != ".py"} == installed


def test_every_folder_with_code_is_a_package() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert all((folder / "__init__.py").is_file() for folder in folders)


def said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[object, str]:
    monkeypatch.setattr(sys, "argv", ["kb-assistant", *arguments])
    with pytest.raises(SystemExit) as ended:
        entry_point.main()
    printed = capsys.readouterr()
    return ended.value.code, printed.out + printed.err


def test_version_and_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(capsys, monkeypatch, "--version") == (0, f"kb-assistant {assistant.__version__}\n")
    code, text = said(capsys, monkeypatch, "--help")
    assert code == 0
    assert set(re.findall(r"^ {4}([a-z-]+)\s", text, re.M)) == COMMANDS


@pytest.mark.parametrize("arguments", [(), ("nonsense",)])
def test_wrong_usage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    code, text = said(capsys, monkeypatch, *arguments)
    assert code == 2
    assert "COMMAND" in text


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with nothing but the package, as `pip install` leaves it."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "installed" / "assistant", ignore=ignored)
    return tmp_path / "installed"


def test_it_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSISTANT_")}
    environment |= {"ASSISTANT_EMBEDDER": str(minilm_folder()), "PYTHONPATH": str(installed)}

    def run(*arguments: str) -> Finished:
        return subprocess.run(
            [sys.executable, "-m", "assistant.commands.entry_point", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    missing = run("serve")
    assert missing.returncode == 2
    assert f"{folder}/knowledge/sources.toml cannot be read" in missing.stderr
    assert "Create it with: kb-assistant init" in missing.stderr
    assert run("init").returncode == 0
    again = run("init")
    assert again.returncode == 1
    assert "is left as it is" in again.stderr
    (folder / "documents").mkdir()
    (folder / "documents" / "tea.md").write_text("# Tea\n\nGreen tea is steeped at 80 degrees.\n")
    built = run("build-index")
    assert built.returncode == 0, built.stderr
    found = run("search", "green tea")
    assert "documents/tea.md:" in found.stdout
    assert {file.name for file in folder.iterdir()} == {"documents", "knowledge", "vector_db"}
