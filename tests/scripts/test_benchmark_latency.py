"""The measurement of questions, at sizes of which larger ones are made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sample_index import PAGES
from tests.scripts.commands import Commands

QUESTIONS = ("how to quantize the kv cache online", "怎么在线量化 kv cache")


@pytest.fixture
def qa(tmp_path: Path) -> str:
    file = tmp_path / "qa.jsonl"
    lines = [json.dumps({"id": str(n), "question": q}) for n, q in enumerate(QUESTIONS)]
    file.write_text("\n".join(lines), encoding="utf-8")
    return str(file)


def test_a_row_for_each_size_and_nothing_left_behind(
    commands: Commands, qa: str, tmp_path: Path
) -> None:
    before = (commands.db / "current").read_text(encoding="utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = commands(
        *("benchmark.py", "latency", "--qa", qa, "--db", "db", "--times", "1,3", "--json"),
        *("--source", "lmdeploy"),
        TMPDIR=str(scratch),
    )
    assert done.returncode == 0, done.stderr
    once, thrice = json.loads(done.stdout)["sizes"]
    assert once["chunks"] >= len(PAGES)
    assert (thrice["times"], thrice["chunks"]) == (3, 3 * once["chunks"])
    for row in (once, thrice):
        assert row["questions"] == len(QUESTIONS)
        for asked in (row["all"], row["filtered"]):
            assert 0 < asked["p50"] <= asked["p95"] < 10_000
            assert set(asked["parts"]) == {"embedding", "chroma", "words", "rest"}
            assert all(part > 0 for part in asked["parts"].values())
    assert not [left for left in scratch.iterdir() if left.name.startswith("latency-")]
    assert (commands.db / "current").read_text(encoding="utf-8") == before


def test_no_index_is_said_in_a_sentence(commands: Commands, qa: str) -> None:
    done = commands("benchmark.py", "latency", "--qa", qa, "--db", "nowhere")
    assert done.returncode != 0
    assert "there is no index in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("times", ["0", "1,x", ""])
def test_sizes_are_numbers_from_one(commands: Commands, qa: str, times: str) -> None:
    done = commands("benchmark.py", "latency", "--qa", qa, "--db", "db", "--times", times)
    assert done.returncode == 2
    assert "--times" in done.stderr
