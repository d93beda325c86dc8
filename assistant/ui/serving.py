"""Serves a page until it is stopped, and opens a tunnel to it; knows nothing of its content."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from urllib.request import getproxies

import gradio as gr
from gradio import networking
from gradio.route_utils import API_PREFIX
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.startup import cannot_listen, check_can_listen
from assistant.ui.appearance import EMBLEM_FILE, ContentSecurityPolicy, head, theme
from assistant.ui.root_path import RootPathReports

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 1
_UPLOADS = f"{API_PREFIX}/upload"
_LOOPBACK = "127.0.0.1,localhost,::1"


def serve(
    demo: gr.Blocks,
    *,
    host: str,
    port: int,
    root_path: str = "",
    share: bool = False,
    share_timeout_seconds: float = 30.0,
) -> None:
    """Serve the page until the program is interrupted.

    Args:
        demo: The page.
        host: Address to listen on.
        port: Port to listen on; no other is tried.
        root_path: Path under which a proxy serves the page.
        share: Also open a public tunnel; where it cannot be opened, the log says so.
        share_timeout_seconds: Limit for opening the tunnel.

    Raises:
        ServerError: The address cannot be listened on.
        KeyboardInterrupt: The program was interrupted; the page is closed by then.
    """
    address = start(demo, host=host, port=port, root_path=root_path)
    logger.info("The page is served on %s (Ctrl-C stops it).", address)
    try:
        if share:
            announce_tunnel(lambda: _open_tunnel(demo), share_timeout_seconds)
        threading.Event().wait()
    finally:
        stop(demo)


def start(demo: gr.Blocks, *, host: str, port: int, root_path: str = "") -> str:
    """Serve the page in the background; returns its local address.

    Raises:
        ServerError: The address cannot be listened on.
    """
    check_can_listen(host, port)
    _reach_loopback_directly()
    try:
        demo.launch(
            server_name=host,
            server_port=port,
            root_path=root_path,
            share=False,  # the tunnel is opened by `serve`, with a limit
            prevent_thread_lock=True,
            quiet=True,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            favicon_path=EMBLEM_FILE,
            theme=theme(),
            head=head(),
            app_kwargs={"middleware": _middleware()},
        )
    except OSError as error:
        raise cannot_listen(host, port, str(error)) from error
    return str(demo.local_url)


def stop(demo: gr.Blocks) -> None:
    """Close the page at once, also where visitors still wait for answers."""
    # Answers being written end with it, which is no news for the log.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    if demo.server is not None:
        demo.server.config.timeout_graceful_shutdown = _GRACE_SECONDS
    demo.close(verbose=False)


def announce_tunnel(open_tunnel: Callable[[], str], timeout_seconds: float) -> str | None:
    """Open a tunnel and log its address, or why there is none; the page is served anyway.

    Opening it may download a program and wait for hosts that never answer, so it happens
    in a thread that is left alone when the time is over. A tunnel that opens later is
    logged then.
    """
    outcome: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            address = open_tunnel()
        except Exception as error:  # noqa: BLE001 - whatever it is, the page goes on without it
            outcome.put(error)
        else:
            logger.info("Public address, for up to a week: %s", address)
            outcome.put(address)

    threading.Thread(target=run, name="share tunnel", daemon=True).start()
    try:
        result = outcome.get(timeout=timeout_seconds)
    except queue.Empty:
        reason = f"no answer within {timeout_seconds:.0f} s"
    else:
        if isinstance(result, str):
            return result
        reason = str(result) or type(result).__name__
    logger.warning("No public address (%s). The page is served locally only.", reason)
    return None


class _NoUploads:
    """ASGI middleware: the page takes no files, but gradio lets everybody leave some."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = scope["type"] == "http" and scope["path"].rstrip("/").endswith(_UPLOADS)
        await (Response(status_code=404) if is_upload else self._app)(scope, receive, send)


def _middleware() -> list[Middleware]:
    return [Middleware(ContentSecurityPolicy), Middleware(_NoUploads), Middleware(RootPathReports)]


def _open_tunnel(demo: gr.Blocks) -> str:
    address = networking.setup_tunnel(
        local_host=demo.server_name,
        local_port=demo.server_port,
        share_token=demo.share_token,
        share_server_address=None,
        share_server_tls_certificate=None,
    )
    return str(address).replace("http://", "https://", 1)


def _reach_loopback_directly() -> None:
    """Gradio asks its own address at the start, which must not go through a proxy."""
    exempt = ",".join(part for part in (getproxies().get("no", ""), _LOOPBACK) if part)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = exempt
