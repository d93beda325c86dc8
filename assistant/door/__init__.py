"""The web server and the checks every request passes before it reaches the page or an API."""

from assistant.door.guard import Door, guarded
from assistant.door.health import health_route
from assistant.door.server import Server, listen
from assistant.door.visitors import Visitors

__all__ = ["Door", "Server", "Visitors", "guarded", "health_route", "listen"]
