"""Logs a wrong root path behind a proxy, as reported by visitors' browsers."""

from __future__ import annotations

import logging
import re
from urllib.parse import parse_qs

from gradio.route_utils import API_PREFIX
from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

_TOLD_AT = f"{API_PREFIX}/app_id"
_PATH = re.compile(r"(/[\w.~%+-]{1,100}){0,10}")


class RootPathReports:
    """ASGI middleware that reads the report `page.js` adds to a Gradio request.

    Args:
        app: Answers the request as usual.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._logged = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the query for a report, and pass the request on."""
        if scope["type"] == "http" and scope["path"].endswith(_TOLD_AT) and not self._logged:
            query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            self._log(query.get("page_path", []))
        await self._app(scope, receive, send)

    def _log(self, paths: list[str]) -> None:
        if paths and _PATH.fullmatch(paths[0]):
            self._logged = True
            logger.warning(
                "A visitor opened the page at %s, and its requests do not arrive: behind a proxy, "
                "set ASSISTANT_ROOT_PATH=%s and restart.",
                paths[0] or "/",
                paths[0],
            )
