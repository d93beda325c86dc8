"""`GET /health`, the health check for monitoring and load balancers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assistant.application import Application
from assistant.errors import AssistantError
from assistant.index import current_version


def health_route(application: Application) -> Route:
    """The route; its response has no information beyond what the page shows."""

    def health(_: Request) -> Response:
        try:
            version = current_version(application.settings.db_folder)
            manifest = application.retriever.manifest
        except AssistantError as error:
            return JSONResponse({"status": "failed", "error": type(error).__name__}, 503)
        return JSONResponse(
            {
                "status": "ok",
                "index": version.name if version else None,
                "chunks": manifest.chunks,
                "model": application.model_name,
            }
        )

    return Route("/health", health, methods=["GET"])
