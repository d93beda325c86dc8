"""Detects lines without readable text: images, badges, rules, tags, links to translations."""

import re

from assistant.language import is_language_name

_IMAGE = re.compile(r"!\[[^\[\]\n]{0,500}\](?:\([^()\n]{0,2000}\)|\[[^\]\n]{0,200}\])")
_LINK = re.compile(r"\[([^\[\]\n]{0,500})\](?:\([^()\n]{0,2000}\)|\[[^\]\n]{0,200}\])")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,2000}>|<!--|-->")
_OPEN_TAG = re.compile(r"^\s*</?[A-Za-z][^<>\n]*$")  # a tag that continues on the next line
_CLOSED_TAG = re.compile(r"^[\w\s\-:/.#?=&;,%'\"]*=\s*[\"'][^\"'<>]*[\"']\s*/?>\s*$")
_DEFINITION = re.compile(r"^\s{0,3}\[[^\]\n]{1,200}\]:\s*\S+")
_LABEL = re.compile(r"^\s*\([\w .:/-]{1,200}\)=\s*$")  # a MyST link target
_ENTITY = re.compile(r"&(?:nbsp|ensp|emsp|#\d+|#x[\da-fA-F]+|[a-z]{2,8});")
_ADDRESS = re.compile(r"<?https?://\S+>?")
_WORD = re.compile(r"[^\W\d_]+")


def is_noise(line: str) -> bool:
    """Whether a line holds no readable text; blank lines count as noise."""
    words = _WORD.findall(without_markup(line))
    if not words:
        # Numbers and formulas are readable, rules and empty tags are not.
        return not re.search(r"\d", without_markup(line))
    linked = "](" in line or "<a " in line
    return linked and len(words) <= 12 and all(map(is_language_name, words))


def without_markup(line: str) -> str:
    """Remove images, tags and link addresses from a line."""
    if "<" in line or "=" in line or ">" in line:
        if _OPEN_TAG.match(line) or _CLOSED_TAG.match(line):
            return ""
        line = _TAG.sub(" ", line)
    if "](" in line or "][" in line:
        line = _LINK.sub(r"\1", _IMAGE.sub(" ", line))
        line = _IMAGE.sub(" ", line)
    if ("]:" in line and _DEFINITION.match(line)) or (")=" in line and _LABEL.match(line)):
        return ""
    if "&" in line:
        line = _ENTITY.sub(" ", line)
    return _ADDRESS.sub(" ", line) if line.lstrip().startswith("<http") else line
