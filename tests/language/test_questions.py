"""What a question is like before anything is looked up."""

from __future__ import annotations

import pytest

from assistant.language import language_of


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("怎么安装 LMDeploy？", "zh"),
        ("lmdeploy serve api_server 报错", "zh"),
        ("顯存不足", "zh"),
        ("How do I install LMDeploy?", "en"),
        ("What does 书生 mean in the name of the InternLM models?", "en"),
        ("What does 张量并行 mean in LMDeploy?", "en"),
        ("how do I translate 你好世界 with InternLM?", "en"),
        ("how to 部署 internlm 到 A100 上", "zh"),
        ("the file is not found 怎么解决", "zh"),
        ("what 是 KV cache", "zh"),
        ("Could not find a version that satisfies the requirement lmdeploy 怎么解决？", "zh"),
        ("can you 用中文告诉我怎么部署吗", "zh"),
        ("What does the error '找不到模块' mean?", "en"),
        ("", "en"),
        ("😀 1234", "en"),
    ],
)
def test_language_of(question: str, language: str) -> None:
    assert language_of(question) == language
