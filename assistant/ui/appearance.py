"""Theme, stylesheet and script of the page, and its content security policy."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.ui.markup import both
from assistant.ui.texts import WRONG_ROOT_PATH

_HERE = Path(__file__).parent
EMBLEM_FILE = _HERE / "emblem.svg"
_STYLE_FILE = _HERE / "style.css"
_SCRIPT_FILE = _HERE / "page.js"

# System fonts only, so that nothing is downloaded. On Linux, Noto CJK also covers Latin letters.
_SANS = [
    "-apple-system",
    "BlinkMacSystemFont",
    "Segoe UI",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "system-ui",
    "sans-serif",
]
_MONO = [
    "ui-monospace",
    "SFMono-Regular",
    "Menlo",
    "Consolas",
    "Noto Sans Mono CJK SC",
    "monospace",
]
# Gradio's page needs inline scripts and evaluated templates. Everything else must come from the
# page's own server, so that an image URL in an answer or passage is never requested.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'"
)


def theme() -> gr.themes.Base:
    """Gradio's base theme with system fonts; everything else is in the stylesheet."""
    return gr.themes.Base(font=_SANS, font_mono=_MONO)


def head() -> str:
    """HTML for the page's head: stylesheet, script and the texts that the script needs.

    The stylesheet does not go through Gradio's own parameter, because Gradio rewrites
    selectors, and inconsistently within media queries.
    """
    style = _STYLE_FILE.read_text(encoding="utf-8")
    script = _SCRIPT_FILE.read_text(encoding="utf-8")
    notice = f'<script type="text/html" id="wrong-root-path">{both(WRONG_ROOT_PATH, "p")}</script>'
    icon = '<link rel="icon" href="./favicon.ico">'  # relative, so that it works under a root path
    return f"{icon}<style>{style}</style>{notice}<script>{script}</script>"


class ContentSecurityPolicy:
    """ASGI middleware that adds security headers, so that browsers load nothing from elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to every response."""

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_with_policy)
