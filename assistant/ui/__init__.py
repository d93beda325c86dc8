"""The web page: texts in both languages, layout, event handlers and serving."""

from __future__ import annotations

from assistant.ui.examples import own_examples, read_examples
from assistant.ui.layout import build_demo
from assistant.ui.page import serve_page
from assistant.ui.serving import serve

__all__ = ["build_demo", "own_examples", "read_examples", "serve", "serve_page"]
