r"""Decodes files in any common encoding to text with "\n" line ends.

Lines end where CommonMark, Python and GitHub end them, so that line numbers agree: at "\n",
"\r\n" and a lone "\r", but not at form feeds, "\x85" or "\u2028".
"""

from __future__ import annotations

import codecs
import re
import unicodedata

from charset_normalizer import from_bytes

from assistant.documents import SourceFile
from assistant.errors import GONE, UnreadableFileError
from assistant.language import COMMON_HAN

_LINE_END = re.compile(r"\r\n?")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ENOUGH_COMMON = 0.12  # share of the non-ASCII characters
_MOST_ODD = 0.05  # share of all characters; random bytes have more than twice as many
_SAMPLE = 200_000  # bytes or characters that are examined to guess an encoding


def unreadable(reason: str, file: SourceFile, expected: str) -> UnreadableFileError:
    """Return the error for a file that is skipped; reports count it under `reason`."""
    return UnreadableFileError(
        reason,
        f"{file.address}: {reason}",
        expected=expected,
        action="The build continues without it; exclude it in sources.toml to silence this.",
    )


def read_bytes(file: SourceFile) -> bytes:
    """Read a file.

    Raises:
        UnreadableFileError: The file is empty, missing or not readable.
    """
    try:
        content = file.location.read_bytes()
    except OSError as error:
        raise unreadable(GONE, file, "a readable file") from error
    if not content.strip():
        raise unreadable("empty", file, "a file with text")
    return content


def read_text(file: SourceFile) -> str:
    """Read a file as text, whatever its encoding.

    Raises:
        UnreadableFileError: The file is empty, missing, not readable or not text.
    """
    text = decode(read_bytes(file))
    if text is None:
        raise unreadable("binary", file, "text in UTF-8, UTF-16, GB18030, Big5 or a Latin encoding")
    if not text.strip():
        raise unreadable("empty", file, "a file with text")
    return text


def decode(content: bytes) -> str | None:
    r"""Decode bytes to text with "\n" line ends; None if they are not text."""
    text = _decode(content)
    if text is None or not _reads_as_text(text):
        return None
    return _LINE_END.sub("\n", text)


def _decode(content: bytes) -> str | None:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    if b"\0" in content:
        return _utf16_without_mark(content)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _almost_utf8(content) or _chinese(content) or _guessed(content)


def _utf16_without_mark(content: bytes) -> str | None:
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text[:_SAMPLE]
        known = sum(map(_is_usual, sample))
        # Text in the wrong byte order is full of rare characters and has no spaces.
        if known > 0.95 * len(sample) and re.search(r"[ \n,.。，]", sample):
            return text
    return None


def _is_usual(character: str) -> bool:
    code = ord(character)
    return (
        character in "\t\n\r"
        or 0x20 <= code < 0x7F
        or 0xA0 <= code < 0x0500
        or 0x2010 <= code < 0x2030
        or 0x3000 <= code < 0x3100
        or 0x4E00 <= code < 0x9FFF
        or 0xFF00 <= code < 0xFFF0
    )


def _almost_utf8(content: bytes) -> str | None:
    """Decode UTF-8 in which a few bytes are damaged or cut off."""
    text = content.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    foreign = sum(1 for character in text if character > "\x7f")
    return text if bad <= 0.05 * foreign else None


def _chinese(content: bytes) -> str | None:
    """Decode GB18030 or Big5, whichever yields more of the most common Chinese characters."""
    best, best_share = None, _ENOUGH_COMMON
    for encoding in ("gb18030", "big5hkscs"):
        text = content.decode(encoding, errors="replace")
        foreign = [character for character in text[:_SAMPLE] if character > "\x7f"]
        if foreign.count("\ufffd") > 0.02 * len(foreign):
            continue
        share = sum(character in COMMON_HAN for character in foreign) / max(1, len(foreign))
        if share > best_share:
            best, best_share = text, share
    return best


def _guessed(content: bytes) -> str:
    if sum(byte > 0x7F for byte in content[:_SAMPLE]) > 20:  # fewer are not enough evidence
        match = from_bytes(content[:_SAMPLE]).best()
        if match is not None:
            return content.decode(match.encoding, errors="replace")
    return content.decode("cp1252", errors="replace")


def _reads_as_text(text: str) -> bool:
    """Whether control characters and undecodable bytes are as rare as in real text."""
    sample = text[:_SAMPLE]
    odd = sum(
        1
        for character in sample
        if character == "\ufffd"
        or (unicodedata.category(character) in ("Cc", "Cn") and not character.isspace())
    )
    return odd <= max(4, _MOST_ODD * len(sample)) and "\0" not in text
