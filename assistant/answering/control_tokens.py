"""Neutralises control tokens in documents and questions, so that they stay plain text.

A model server would read `<|im_end|>` in a passage as the end of the message, and the rest as
a new message. An invisible character after the token's first character prevents that. It is
inserted where prompts are built, for every backend, and removed from answers, so that a quoted
token looks the same as in the document.
"""

import re

_INVISIBLE = "\u200b"  # zero-width space

# After "<" or "</".
_WORDS = "|".join(
    (
        # SentencePiece: Llama 2, Mistral, InternLM, Baichuan, Gemma
        r"s|bos|eos|pad|unk|unused\d+|reserved_\d+|extra_id_\d+",
        r"(?:BOS|EOS|PAD|UNK|CLS|SEP|MASK|EOP)(?:_TOKEN)?",  # Command R
        r"(?:start|end)_of_(?:turn|image|audio)|begin_of_(?:text|image)|end_of_(?:text|utterance)",
        r"(?:beginning|end)_of_sentence",  # MiniMax
        r"[se]op",  # GLM
        # Qwen, DeepSeek, Hermes: thoughts and tools
        r"think(?:ing)?|thought|tools|tool_(?:call|calls|response|responses|result|results|output)",
        r"function_(?:call|calls|response)|seed:\w+",
        r"fim_(?:prefix|middle|suffix|pad)|repo_name|file_sep|endoftext",  # code models
        r"system|user|assistant|human|bot|AI|用户",  # roles: MiniCPM, RedPajama and others
    )
)
# After "[" or "[/".
_BRACKETED = "|".join(
    (
        # Mistral
        r"INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_(?:CALLS|RESULTS|CONTENT)|ARGS|CALL_ID|THINK",
        r"PREFIX|MIDDLE|SUFFIX|IMG|IMG_(?:BREAK|END)|AUDIO|BEGIN_AUDIO|CONTROL_\d+|MODEL_SETTINGS",
        r"UNUSED_TOKEN_\d+",  # InternLM
        r"[gs]?MASK|CLS|SEP|PAD|UNK|BOS|EOS",  # GLM, BERT
        r"\|\w+\|",  # EXAONE
    )
)
# <|im_end|>, <|eot_id|>, DeepSeek's <｜User｜>; Llama 2's SYS; all names above. The text after
# the first character is a lookahead, so that no token can hide inside another.
_CONTROL_TOKEN = re.compile(
    rf"<(?=[|｜][^\s<>|｜]+[|｜]>|<?/?SYS>>|/?(?:{_WORDS})>)|\[(?=/?(?:{_BRACKETED})\])"
)

_PUT_IN = re.compile(rf"(?<=[<\[]){_INVISIBLE}")


def neutralised(text: str) -> str:
    """Turn the control tokens of all known model families into plain text.

    A text without any is returned unchanged.
    """
    return _CONTROL_TOKEN.sub(lambda sign: sign[0] + _INVISIBLE, text)


def restored(text: str, before: str = "") -> str:
    """Return the text of a model with quoted tokens restored to their form in the document.

    Other invisible characters stay: some languages put them between words.

    Args:
        text: The whole, or a piece of a stream.
        before: The character in front of it.
    """
    return _PUT_IN.sub("", before + text)[len(before) :]
