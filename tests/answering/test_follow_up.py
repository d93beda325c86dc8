"""Which questions lean on the turn before, and what is made of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.follow_up import leans_on_history, standalone_by_model, standalone_by_rules
from assistant.answering.slots import WritingSlots
from assistant.documents import Question, Turn
from assistant.errors import BusyError
from tests.fakes import ScriptedChatModel

BEFORE = [Turn(Question("how do I quantize the kv cache in lmdeploy"), "Set quant_policy to 8.")]


@pytest.mark.parametrize(
    "question",
    [
        "那 4bit 呢？",
        "and for the 20B one?",
        "prometheus 的呢",
        "它支持多卡吗",
        "那要是爆显存呢",
        "换成昇腾怎么写",
        "A100 上能开吗",
        "8bit 的参数怎么写",
        "mixtral 也要这么多吗",
        "what about windows",
        "why?",
        "does it work on CPU?",
        "how is the first kind read?",
        "what does that cost",
        "how about the larger ones",
        "still runs out of memory, what now",
        "再大一点的模型呢",
        "换个更小的模型可以吗",
        "换张显卡怎么部署模型服务",
        "great, and on windows",
        "great now on windows with docker",
        "ok, does that work offline?",
        "is it possible on CPU?",
    ],
)
def test_these_lean_on_the_turn_before(question: str) -> None:
    assert leans_on_history(question, BEFORE)
    assert standalone_by_rules(question, BEFORE) == f"{BEFORE[0].question.text} {question}"


@pytest.mark.parametrize(
    "question",
    [
        "LMDeploy 怎么安装",
        "什么是 InternLM",
        "what is XTuner",
        "how to install lmdeploy",
        "lmdeploy 那个 --tool-call-parser 可以填哪几个值",
        "is there a prebuilt docker image for xcomposer2.5 omnilive",
        "H800 上想用 flash attention 3，装完怎么让它生效",
        "how are toolkit apis named after ActionExecutor flattens them",
        "one-liner to make an fp8 checkpoint with lmdeploy",
        "opencompass 支持哪些数据集呢",
        "xtuner 和 lmdeploy 应该怎么选，还是都要装",
        "换行符在 YAML 配置文件里怎么写",
        "那不勒斯披萨的面团怎么发酵",
        "LMDeploy 和其他推理框架相比有什么优势",
        "how long does it take to bake the lasagna",
        "is it safe to freeze tomato soup twice",
        "how do I know that the batter is ready",
        "what is the first step of making lasagna",
        "same-day delivery policy of the shop",
        "great Britain visa rules for students",
    ],
)
def test_these_stand_alone_and_pass_as_they_are(question: str) -> None:
    assert not leans_on_history(question, BEFORE)
    assert standalone_by_rules(question, BEFORE) == question


LAW = [Turn(Question("加班工资怎么算？"), "")]


@pytest.mark.parametrize(
    "question",
    ["年休假有几天？", "离婚财产怎么分割？", "再审申请的期限是多久？", "也门的签证怎么办理？"],
)
def test_where_nothing_has_a_latin_name_none_is_expected(question: str) -> None:
    assert standalone_by_rules(question, LAW) == question


@pytest.mark.parametrize("question", ["那试用期呢？", "它最长多久？", "怎么算？", "还有别的吗？"])
def test_there_short_questions_lean_all_the_same(question: str) -> None:
    assert standalone_by_rules(question, LAW) == f"{LAW[0].question.text} {question}"


def test_without_a_turn_before_nothing_changes() -> None:
    assert standalone_by_rules("那 4bit 呢？", []) == "那 4bit 呢？"


def test_a_chain_of_follow_ups_goes_back_to_the_one_that_stands_alone() -> None:
    history = [Turn(Question("what is XTuner"), ""), *BEFORE, Turn(Question("and 4 bit?"), "")]
    rewritten = standalone_by_rules("why?", history)
    assert rewritten == f"{BEFORE[0].question.text} and 4 bit? why?"


def test_it_does_not_go_back_behind_a_question_that_stands_alone() -> None:
    history = [Turn(Question("LMDeploy 怎么安装"), ""), *BEFORE]
    assert standalone_by_rules("why?", history) == f"{BEFORE[0].question.text} why?"


def test_it_goes_back_three_turns_at_most() -> None:
    history = [*BEFORE, *[Turn(Question("那 4bit 呢？"), "")] * 10]
    assert standalone_by_rules("why?", history) == "那 4bit 呢？ 那 4bit 呢？ 那 4bit 呢？ why?"


@given(st.text(), st.text())
def test_any_question_keeps_its_words(question: str, before: str) -> None:
    assert standalone_by_rules(question, [Turn(Question(before), "")]).endswith(question)


def test_rules_take_no_time() -> None:
    standalone_by_rules("那 4bit 呢？", BEFORE)
    started = time.perf_counter()
    for _ in range(100):
        standalone_by_rules("H800 上想用 flash attention 3，装完怎么让它生效", BEFORE)
    assert (time.perf_counter() - started) / 100 < 0.005


def test_a_model_is_asked_only_where_the_question_leans() -> None:
    model = ScriptedChatModel(replies=["how do I quantize the kv cache to 4 bit"])
    assert standalone_by_model("what is XTuner", BEFORE, model) == "what is XTuner"
    assert model.asked == []
    rewritten = standalone_by_model("and 4 bit?", BEFORE, model)
    assert rewritten == "how do I quantize the kv cache to 4 bit"
    assert BEFORE[0].question.text in str(model.asked[0][-1].content)


def test_what_a_model_writes_is_trimmed_and_it_reads_the_answers_too() -> None:
    model = ScriptedChatModel(replies=["  LMDeploy 的 4bit 怎么设？\n"])
    assert standalone_by_model("那 4bit 呢？", BEFORE, model) == "LMDeploy 的 4bit 怎么设？"
    assert [message.type for message in model.asked[0]] == ["system", "human"]
    assert BEFORE[0].answer in str(model.asked[0][-1].content)
    assert standalone_by_model("那 4bit 呢？", [], model) == "那 4bit 呢？"
    assert len(model.asked) == 1


def test_a_model_rewrites_in_a_place_as_it_writes_answers() -> None:
    model, slots = ScriptedChatModel(replies=["x"]), WritingSlots(1, 0)
    with slots.place():
        with pytest.raises(BusyError):
            standalone_by_model("and 4 bit?", BEFORE, model, slots.place)
        alone = standalone_by_model("what is XTuner", BEFORE, model, slots.place)
    assert (alone, model.asked) == ("what is XTuner", [])
    assert standalone_by_model("and 4 bit?", BEFORE, model, slots.place) == "x"


@pytest.mark.parametrize("reply", ["", "x" * 400])
def test_a_useless_rewriting_is_not_taken(reply: str) -> None:
    model = ScriptedChatModel(replies=[reply or " "])
    rewritten = standalone_by_model("and 4 bit?", BEFORE, model)
    assert rewritten == f"{BEFORE[0].question.text} and 4 bit?"
