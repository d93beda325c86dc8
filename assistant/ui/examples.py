"""Example questions for the empty page.

The built-in ones are about the InternLM tool chain, and each is offered only if the index
contains the source that answers it. Owners of other knowledge bases can provide their own in
`examples.toml`, next to `sources.toml`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from assistant import toml
from assistant.documents import Language
from assistant.errors import SettingsError
from assistant.ui.texts import LANGUAGES, Words

Examples = Mapping[Language, tuple[str, ...]]

_MOST = 6
_BUILT_IN: tuple[tuple[str, Words], ...] = (
    (
        "lmdeploy",
        Words(
            "怎么用 LMDeploy 启动兼容 OpenAI 的推理服务？",
            "How do I start an OpenAI-compatible server with LMDeploy?",
        ),
    ),
    (
        "lmdeploy",
        Words(
            "LMDeploy 的 KV Cache 量化怎么开启？",
            "How do I turn on KV cache quantization in LMDeploy?",
        ),
    ),
    (
        "xtuner",
        Words("怎么安装 XTuner？", "How do I install XTuner?"),
    ),
    (
        "opencompass",
        Words(
            "怎么用 OpenCompass 评测 Hugging Face 上的模型？",
            "How do I evaluate a Hugging Face model with OpenCompass?",
        ),
    ),
    (
        "InternLM",
        Words(
            "InternLM3 的深度思考模式怎么用？",
            "How do I use the deep thinking mode of InternLM3?",
        ),
    ),
    (
        "lagent",
        Words("Lagent 的智能体怎么调用工具？", "How does a Lagent agent call tools?"),
    ),
)


def built_in_examples(sources: Collection[str]) -> Examples:
    """The built-in questions that the sources of an index can answer, possibly none.

    The project's own articles, the source `starter`, answer all of them.
    """
    fitting = [words for source, words in _BUILT_IN if {source, "starter"} & set(sources)]
    return {language: tuple(words[language] for words in fitting) for language in LANGUAGES}


def own_examples(sources_file: Path) -> Examples | None:
    """The questions in `examples.toml` next to a sources file; None if there is no such file.

    Raises:
        SettingsError: The file is not TOML, or a list contains other things than strings.
    """
    file = sources_file.with_name("examples.toml")
    return read_examples(file) if file.is_file() else None


def read_examples(file: Path) -> Examples:
    """Read a TOML file with the lists of questions `zh` and `en`; the first six of each count.

    Raises:
        SettingsError: The file is missing, is not TOML, or a list contains other things than
            strings.
    """
    try:
        content = toml.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unusable(file, str(error)) from error
    examples: dict[Language, tuple[str, ...]] = {}
    for language in LANGUAGES:
        questions = content.get(language, [])
        if not isinstance(questions, list) or not all(isinstance(q, str) for q in questions):
            raise _unusable(file, f"{language} is {questions!r}")
        examples[language] = tuple(questions[:_MOST])
    return examples


def _unusable(file: Path, what: str) -> SettingsError:
    return SettingsError(
        f"the example questions in {file} cannot be used: {what}",
        expected='TOML with zh = ["…"] and en = ["…"], up to six questions each',
        action="Correct the file, or remove it to use the built-in questions.",
    )
