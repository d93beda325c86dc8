"""The command that answers, with a chat model behind a server on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.commands.ask import ask
from assistant.documents import Answer, SearchFilters
from tests.chat_models.openai_server import KEY, OpenAIServer, serving
from tests.fakes import ScriptedChain
from tests.scripts.commands import Commands, Finished

QUESTION = "how to quantize the kv cache online"
ANSWER = "Set `quant_policy` to 8 [1]. Or to 4 [9]."
KEYS = {"answer", "refused", "citations", "timings", "prompt_tokens", "completion_tokens"}
KEYS |= {"answer_id", "model", "index_version", "finish_reason"}
ERROR_KEYS = {"error", "kind", "got", "expected", "action", "facts"}
HIT_KEYS = {"rank", "score", "source", "heading", "start_line", "end_line", "url", "text"}


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with serving() as running:
        running.reply = ANSWER
        yield running


class Asking:
    def __init__(self, commands: Commands, server: OpenAIServer) -> None:
        self.commands, self.server = commands, server

    def __call__(self, *arguments: str, **variables: str) -> Finished:
        values = {
            "ASSISTANT_OPENAI_BASE_URL": self.server.address,
            "ASSISTANT_OPENAI_API_KEY": KEY,
        }
        return self.commands("ask.py", *arguments, "--db", "db", **(values | variables))


@pytest.fixture
def asking(commands: Commands, server: OpenAIServer) -> Asking:
    server.asked.clear()
    return Asking(commands, server)


def test_json_for_one_question(asking: Asking) -> None:
    done = asking(QUESTION, "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert set(result) == KEYS
    assert result["answer"] == "Set `quant_policy` to 8 [1]. Or to 4 ."
    assert result["refused"] is False
    (citation,) = result["citations"]
    assert set(citation) == HIT_KEYS | {"number"}
    assert (citation["number"], citation["source"]) == (
        1,
        "lmdeploy/docs/en/quantization/kv_quant.md",
    )
    timings = result["timings"]
    assert 0 < timings["retrieve"] <= timings["first_token"] <= timings["total"]
    assert result["prompt_tokens"] > 20
    assert result["completion_tokens"] == 1
    assert (result["model"], result["finish_reason"]) == ("tiny", "stop")
    assert result["index_version"] == (asking.commands.db / "current").read_text().split()[0]
    prompt = asking.server.asked[-1]["messages"][-1]["content"]
    assert QUESTION in prompt
    assert "Set `quant_policy` to 8" in prompt


def test_a_batch_gives_a_line_for_each_question(asking: Asking, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    rows = [{"id": "a", "question": QUESTION}, {"id": "b", "question": "谁赢了斑马比赛"}]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    done = asking("--batch", str(file))
    assert done.returncode == 0, done.stderr
    answered, refused = map(json.loads, done.stdout.splitlines())
    assert (answered["id"], answered["refused"]) == ("a", False)
    assert (refused["id"], refused["refused"], refused["citations"]) == ("b", True, [])
    assert "知识库" in refused["answer"]
    assert refused["timings"]["first_token"] is None
    assert len(asking.server.asked) == 1


def test_a_bad_question_in_a_batch_does_not_keep_the_others_from_their_answers(
    asking: Asking, tmp_path: Path
) -> None:
    file = tmp_path / "questions.jsonl"
    rows = [{"id": "long", "question": "x" * 3000}, {"id": "a", "question": QUESTION}]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    done = asking("--batch", str(file))
    assert done.returncode == 1
    bad, good = map(json.loads, done.stdout.splitlines())
    assert (bad["id"], set(bad)) == ("long", {"id"} | ERROR_KEYS)
    assert bad["kind"] == "QuestionTooLongError"
    assert bad["facts"] == {"characters": 3000, "limit": 2000}
    assert "the question has 3000 characters (expected: at most 2000)" in bad["error"]
    assert "long: the question has 3000 characters" in done.stderr
    assert (good["id"], good["refused"]) == ("a", False)


def test_a_source_that_is_not_there(asking: Asking) -> None:
    done = asking(QUESTION, "--source", "lmdeploi")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no source lmdeploi (expected: one or more of lagent, lmdeploy" in done.stderr


def test_people_get_the_answer_and_its_sources(asking: Asking) -> None:
    done = asking(QUESTION, "--source", "lmdeploy", "--language", "zh")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Set `quant_policy` to 8 [1]. Or to 4 .\n"
    assert "[1] lmdeploy/docs/zh_cn/quantization/kv_quant.md:" in done.stderr
    assert "https://example.org/blob/main/docs/zh_cn" in done.stderr


def test_people_get_an_answer_of_several_searches(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask(ScriptedChain(), QUESTION, SearchFilters(), aloud=True)
    printed = capsys.readouterr()
    assert printed.out == "Let me look again. It is 4 [3].\n"
    assert "[3] lmdeploy/docs/a.md:1-2" in printed.err
    assert [citation.number for citation in answer.citations] == [3]
    assert "not complete" not in printed.err


def test_people_are_told_that_an_answer_is_not_complete(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = ScriptedChain()
    cut = Answer("It is", refused=False, finish_reason="length")
    chain.events = (*chain.events[:-1], cut)
    ask(chain, QUESTION, SearchFilters(), aloud=True)
    assert "not complete" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_a_failure_to_act_on(asking: Asking) -> None:
    done = asking(QUESTION, "--json", ASSISTANT_OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "http://127.0.0.1:9/v1 cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((QUESTION, "--batch", "F.jsonl"), "either a QUESTION or --batch"),
        ((), "either a QUESTION or --batch"),
        (("  ",), "the question is empty"),
    ],
)
def test_wrong_usage(asking: Asking, arguments: tuple[str, ...], said: str) -> None:
    done = asking(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_index_names_the_command_to_type(asking: Asking) -> None:
    done = asking.commands("ask.py", QUESTION, "--db", "elsewhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert "python scripts/build_index.py" in done.stderr
