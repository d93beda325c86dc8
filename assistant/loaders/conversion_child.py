"""A program that converts the document on standard input to Markdown on standard output.

Arguments: the suffix, and the limit of processor time in seconds. Exits with 3 and prints a
reason if the document cannot be read. Does not import this project.
"""

from __future__ import annotations

import io
import sys
from typing import Any

_MOST_MEMORY = 2 << 30  # bytes of address space; the converters alone map up to 0.7 GB
_MOST_CHARACTERS = 20_000_000
_CONVERTERS = {
    ".docx": "DocxConverter",
    ".pptx": "PptxConverter",
    ".pdf": "PdfConverter",
    ".epub": "EpubConverter",
}


def main() -> int:
    """Convert the document; a failing converter means that the file is damaged."""
    suffix, seconds = sys.argv[1], int(sys.argv[2])
    content = sys.stdin.buffer.read()
    _limit(seconds)
    try:
        markdown, reason = _convert(suffix, content), ""
    except MemoryError:
        markdown, reason = "", "takes too much memory"
    except RecursionError:
        markdown, reason = "", "nested too deeply"
    except ImportError:
        raise  # not the file's fault
    except Exception as error:  # noqa: BLE001 (converters raise anything on damaged files)
        encrypted = "password" in f"{type(error).__name__} {error}".lower()
        markdown, reason = "", "encrypted" if encrypted else "damaged"
    sys.stdout.buffer.write((reason or markdown[:_MOST_CHARACTERS]).encode("utf-8", "replace"))
    return 3 if reason else 0


def _limit(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in ((resource.RLIMIT_AS, _MOST_MEMORY), (resource.RLIMIT_CPU, seconds)):
        _, hard = resource.getrlimit(what)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(what, (most, hard))


def _convert(suffix: str, content: bytes) -> str:
    from markitdown import StreamInfo, converters

    converter: Any = getattr(converters, _CONVERTERS.get(suffix, "HtmlConverter"))()
    charset = None if suffix in _CONVERTERS else "utf-8"
    result = converter.convert(io.BytesIO(content), StreamInfo(extension=suffix, charset=charset))
    title = " ".join((result.title or "").split())
    markdown: str = result.markdown
    if title and f"# {title}" not in markdown:
        return f"# {title}\n\n{markdown}"
    return markdown


if __name__ == "__main__":
    sys.exit(main())
