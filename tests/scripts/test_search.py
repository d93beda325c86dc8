"""The command that finds passages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scripts.commands import Commands

QUESTION = "how to quantize the kv cache online"
HIT_KEYS = {"rank", "score", "source", "heading", "start_line", "end_line", "url", "text"}


def test_json_for_one_question(commands: Commands) -> None:
    done = commands("search.py", QUESTION, "--db", "db", "--json", "-k", "3")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert set(result) >= {"hits", "answerable", "confidence", "milliseconds"}
    assert (result["question"], result["searched_for"]) == (QUESTION, QUESTION)
    assert result["language"] == "en"
    assert result["index_version"] == (commands.db / "current").read_text().split()[0]
    assert "id" not in result
    assert [hit["rank"] for hit in result["hits"]] == [1, 2, 3]
    first = result["hits"][0]
    assert set(first) == HIT_KEYS
    assert first["source"] == "lmdeploy/docs/en/quantization/kv_quant.md"
    assert first["heading"] == "KV Cache Quantization"
    page = (commands.folder / "pages" / first["source"]).read_text(encoding="utf-8").splitlines()
    lines = page[first["start_line"] - 1 : first["end_line"]]
    assert [x for x in first["text"].splitlines() if x] == [x for x in lines if x]
    assert first["url"] == (
        "https://example.org/blob/main/docs/en/quantization/kv_quant.md"
        f"#L{first['start_line']}-L{first['end_line']}"
    )
    assert result["answerable"] is True
    assert 0 < result["confidence"] <= 1
    assert 0 < result["milliseconds"] < 2000


def test_a_batch_gives_a_line_for_each_question(commands: Commands, tmp_path: Path) -> None:
    questions = [("a", QUESTION), ("b", "怎么微调 QLoRA"), (3, "who won the zebra race of 1966?")]
    file = tmp_path / "questions.jsonl"
    rows = [json.dumps({"id": i, "question": q, "more": 1}) for i, q in questions]
    file.write_text("\n\n".join(rows), encoding="utf-8")
    done = commands("search.py", "--batch", str(file), "--db", "db", "--json")
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["id"], r["question"]) for r in results] == [(str(i), q) for i, q in questions]
    assert results[1]["hits"][0]["source"] == "xtuner/README_zh-CN.md"
    assert [r["answerable"] for r in results] == [True, True, False]
    assert all(len({hit["text"] for hit in r["hits"]}) == len(r["hits"]) for r in results)


def test_a_bad_question_in_a_batch_does_not_keep_the_others_from_their_hits(
    commands: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "questions.jsonl"
    rows = [{"id": "long", "question": "x" * 3000}, {"id": "a", "question": QUESTION}]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    done = commands("search.py", "--batch", str(file), "--db", "db")
    assert done.returncode == 1
    bad, good = map(json.loads, done.stdout.splitlines())
    assert (bad["id"], bad["kind"]) == ("long", "QuestionTooLongError")
    assert "long: the question has 3000 characters (expected: at most 2000)" in done.stderr
    assert (good["id"], good["answerable"]) == ("a", True)


def test_no_chat_model_is_needed(commands: Commands) -> None:
    nobody = {"ASSISTANT_OPENAI_BASE_URL": "nowhere", "ASSISTANT_REWRITE_FOLLOW_UPS": "true"}
    done = commands("search.py", QUESTION, "--db", "db", "--json", **nobody)
    assert done.returncode == 0, done.stderr


def test_people_get_places_and_links_and_hear_of_a_bad_question(commands: Commands) -> None:
    good, bad = (
        commands("search.py", question, "--db", "db") for question in (QUESTION, "zebra race 1966")
    )
    assert (good.returncode, bad.returncode) == (0, 0)
    assert " 1  " in good.stdout
    assert "lmdeploy/docs/en/quantization/kv_quant.md:1-" in good.stdout
    assert "https://example.org/blob/main/docs/en/quantization" in good.stdout
    assert "no answer" not in good.stderr
    assert "seems to have no answer" in bad.stderr


def test_filters(commands: Commands) -> None:
    options = [
        "--source",
        "lmdeploy",
        "--source",
        "xtuner",
        "--language",
        "zh",
        "--path",
        "docs/**",
    ]
    done = commands("search.py", QUESTION, "--db", "db", "--json", *options)
    found = {hit["source"] for hit in json.loads(done.stdout)["hits"]}
    assert found == {
        "lmdeploy/docs/zh_cn/quantization/kv_quant.md",
        "lmdeploy/docs/zh_cn/faq.md",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((QUESTION, "-k", "0"), "-k is 0"),
        ((QUESTION, "--batch", "F.jsonl"), "either a QUESTION or --batch"),
        ((), "either a QUESTION or --batch"),
        ((QUESTION, "--language", "fr"), "--language"),
        (("--batch", "nowhere.jsonl"), "nowhere.jsonl"),
        (("  ",), "the question is empty"),
    ],
)
def test_wrong_usage(commands: Commands, arguments: tuple[str, ...], said: str) -> None:
    done = commands("search.py", *arguments, "--db", "db")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_index_names_the_command_to_type(commands: Commands) -> None:
    done = commands("search.py", QUESTION, "--db", "elsewhere", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no index in" in done.stderr
    assert "python scripts/build_index.py" in done.stderr
    assert not (commands.folder / "elsewhere").exists()
