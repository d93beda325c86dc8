"""Converts HTML, DOCX, PPTX, PDF and EPUB to Markdown with markitdown, in a child process.

A converter that hangs, exhausts memory or crashes takes down the child process, not the
build. Converters are called directly, so that nothing is downloaded.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from assistant.documents import LoadedDocument, SourceFile
from assistant.errors import STOPPED
from assistant.loaders.markdown import load_markdown
from assistant.loaders.reading import decode, read_bytes, unreadable
from assistant.processes import run_watched

HTML = frozenset((".html", ".htm", ".xhtml"))
ZIPPED = frozenset((".docx", ".pptx", ".epub"))
FORMATS = HTML | ZIPPED | {".pdf"}
_CHILD = Path(__file__).with_name("conversion_child.py")
_MOST_UNPACKED = 200 << 20  # bytes
_MOST_MEMBERS = 10_000
_STOPPED = (1, -9)  # a Python error such as a missing library; SIGKILL, e.g. for lack of memory


def load_converted(file: SourceFile, suffix: str, *, limit_seconds: float = 60) -> LoadedDocument:
    """Convert a file to Markdown; line numbers are those of the Markdown, not the file.

    Args:
        file: The file to convert.
        suffix: One of `FORMATS`.
        limit_seconds: Time limit for the conversion.

    Raises:
        UnreadableFileError: The file is empty, damaged, too slow to convert or too large
            when unpacked, or the converter was stopped.
    """
    content = read_bytes(file)
    if suffix in ZIPPED:
        _check_members(file, content)
    elif suffix in HTML:
        text = decode(content)
        if text is None:
            raise unreadable("binary", file, "HTML")
        content = text.encode("utf-8", errors="replace")
    elif b"%PDF-" not in content[:1024]:
        raise unreadable("damaged", file, "a PDF, which begins with %PDF-")
    return load_markdown(file, _converted(file, suffix, content, limit_seconds), converted=True)


def _check_members(file: SourceFile, content: bytes) -> None:
    """Reject archives whose unpacked size is too large, before unpacking them."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise unreadable("damaged", file, "a valid zip archive") from error
    if sum(m.file_size for m in members) > _MOST_UNPACKED or len(members) > _MOST_MEMBERS:
        raise unreadable("unpacks too large", file, f"at most {_MOST_UNPACKED >> 20} MB unpacked")


def _converted(file: SourceFile, suffix: str, content: bytes, limit_seconds: float) -> str:
    command = [sys.executable, str(_CHILD), suffix, str(int(limit_seconds) + 1)]
    try:
        done = run_watched(
            command,
            send=content,
            timeout_seconds=limit_seconds,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise unreadable("too slow", file, f"conversion within {limit_seconds:g} s") from error
    if done.returncode in _STOPPED:
        raise unreadable(STOPPED, file, f"a {suffix[1:]} converter that runs to completion")
    output = done.stdout.decode("utf-8", errors="replace")
    if done.returncode == 0:
        return output.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    if done.returncode == 3 and output:
        raise unreadable(output, file, f"a readable {suffix[1:]} file")
    raise unreadable("damaged", file, f"a {suffix[1:]} file that does not crash the converter")
