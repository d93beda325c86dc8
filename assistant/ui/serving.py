"""Serves the page with its request checks, and opens a public tunnel to it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import gradio as gr
from fastapi import FastAPI
from gradio import networking
from starlette.routing import Mount
from starlette.types import ASGIApp

from assistant.door import Door, Server, guarded, listen
from assistant.ui.appearance import EMBLEM_FILE, ContentSecurityPolicy, head, theme
from assistant.ui.gradio_routes import NeededRoutes
from assistant.ui.root_path import RootPathReports

logger = logging.getLogger(__name__)


def start(
    demo: gr.Blocks,
    *,
    host: str,
    port: int,
    root_path: str = "",
    door: Door | None = None,
    installable: bool = False,
) -> str:
    """Serve the page in the background.

    Args:
        demo: The page.
        host: Address to listen on.
        port: Port to listen on; no other port is tried.
        root_path: URL path under which a proxy serves the page.
        door: Checks on requests, and routes beside the page; None: the defaults.
        installable: Whether browsers offer to install the page as an app.

    Returns:
        The local URL of the page.

    Raises:
        ServerError: The address or port cannot be listened on.
    """
    opened = listen(host, port)
    server = Server(_app(demo, root_path, door or Door(), installable))
    server.start(opened)
    demo.server, demo.server_name, demo.server_port = server, host, port
    demo.local_url = f"http://{_shown(host)}:{port}/"
    return str(demo.local_url)


def wait(demo: gr.Blocks, door: Door, share_timeout_seconds: float | None) -> None:
    """Log the address, wait until the program is interrupted, then close the page.

    Args:
        demo: A page that `start` serves.
        door: The door that `start` got.
        share_timeout_seconds: Time limit for opening a public tunnel; None: no tunnel. A
            failure to open it is only logged.

    Raises:
        KeyboardInterrupt: The program was interrupted; the page is closed by then.
    """
    logger.info("The page is served on %s (Ctrl-C stops it).", demo.local_url)
    try:
        if share_timeout_seconds is not None:
            announce_tunnel(lambda: open_tunnel(demo, door), share_timeout_seconds)
        threading.Event().wait()
    finally:
        stop(demo)


def stop(demo: gr.Blocks) -> None:
    """Close the page at once, even if visitors are still waiting for answers."""
    # Answers being written end as well, which need not be logged.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    demo.close(verbose=False)


def _app(demo: gr.Blocks, root_path: str, door: Door, installable: bool) -> ASGIApp:
    """The door's routes, then the page for all other paths, behind the request checks."""
    app = FastAPI(openapi_url=None, routes=[*door.routes])
    app.root_path = urlsplit(root_path).path.rstrip("/")  # like Gradio, accept it stripped or not
    gr.mount_gradio_app(
        app,
        demo,
        path="/",
        root_path=root_path,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        pwa=installable,
        favicon_path=str(EMBLEM_FILE),
        theme=theme(),
        head=head(),
    )
    page = cast("Mount", app.routes[-1])
    page.app = RootPathReports(NeededRoutes(page.app, door.visitors))
    return ContentSecurityPolicy(guarded(app, door))


def _shown(host: str) -> str:
    """A host as written in a URL that can be opened."""
    if host in ("", "0.0.0.0", "::", "[::]"):  # noqa: S104 (compared with, not listened on)
        return "localhost"
    return f"[{host}]" if ":" in host.strip("[]") and not host.startswith("[") else host


def announce_tunnel(open_tunnel: Callable[[], str], timeout_seconds: float) -> str | None:
    """Open a tunnel and log its address, or the reason for failure.

    Opening may download a program and wait for hosts that never answer, so it runs in a
    thread that is abandoned after the timeout. A tunnel that opens later is still logged.

    Returns:
        The public address; None if the tunnel failed or did not open in time.
    """
    outcome: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            address = open_tunnel()
        except Exception as error:  # noqa: BLE001 (the page works without a tunnel)
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


def open_tunnel(demo: gr.Blocks, door: Door) -> str:
    """Open a tunnel to a served page, and allow the tunnel's host name."""
    address = networking.setup_tunnel(
        local_host=demo.server_name,
        local_port=demo.server_port,
        share_token=demo.share_token,
        share_server_address=None,
        share_server_tls_certificate=None,
    )
    door.hosts.add(urlsplit(address).hostname or "")
    return str(address).replace("http://", "https://", 1)
