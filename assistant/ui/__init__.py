"""The web page: texts in both languages, layout, event handlers and serving."""

from assistant.ui.examples import own_examples
from assistant.ui.page import serve_page

__all__ = ["own_examples", "serve_page"]
