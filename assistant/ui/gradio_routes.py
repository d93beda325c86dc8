"""Allow-list of the Gradio routes that the page needs.

Gradio adds routes for uploads, saved sessions, files, other servers and more. All routes not
listed here answer 404, so that a route added by a later Gradio stays closed until it has been
reviewed.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from urllib.parse import parse_qs

from gradio.route_utils import API_PREFIX
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.door import Visitors

_STREAM = f"{API_PREFIX}/queue/data"
_NEEDED = re.compile(
    "|".join(
        (
            r"/?|/config|/theme\.css|/favicon\.ico|/robots\.txt",
            "/(static|assets|svelte)/.+",
            r"/manifest\.json|/pwa_icon(/\d+)?",  # on a Space, the page can be installed
            f"{API_PREFIX}/(app_id|info|heartbeat/[0-9a-zA-Z-]+)",
            f"{API_PREFIX}/run/predict|{API_PREFIX}/queue/join|{_STREAM}",
        )
    )
)
# Would open a session that another visitor saved, possibly in another Gradio app.
_SAVED_SESSION = "deep_link"


def is_needed(path: str) -> bool:
    """Whether the page needs a Gradio route; `path` excludes the root path of a proxy."""
    return _NEEDED.fullmatch(path.rstrip("/")) is not None


class NeededRoutes:
    """ASGI middleware in front of Gradio that closes other routes and tracks open streams.

    Args:
        app: Gradio's app.
        visitors: Notified of open answer streams.
    """

    def __init__(self, app: ASGIApp, visitors: Visitors) -> None:
        self._app = app
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if the page needs its route."""
        path = _without(scope.get("root_path", ""), scope["path"])
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        if scope["type"] != "http" or not is_needed(path) or _SAVED_SESSION in query:
            await Response("Not found\n", 404, media_type="text/plain")(scope, receive, send)
            return
        listens = path.rstrip("/") == _STREAM
        session = query.get("session_hash", [""])[0]
        with self._visitors.listening(session) if listens else nullcontext():
            await self._app(scope, receive, send)


def _without(root_path: str, path: str) -> str:
    """The path without the root path, which a proxy may already have stripped."""
    inside = bool(root_path) and f"{path}/".startswith(f"{root_path}/")
    return path[len(root_path) :] if inside else path
