"""The child programs' side of the conversation with their parent: one line out, one line in."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping

# Client libraries print to standard output, which is reserved for the parent.
_to_parent = sys.stdout
sys.stdout = sys.stderr


def ask_which(listing: Mapping[str, tuple[int | None, str | None]]) -> list[str]:
    """Send the parent a listing, and return the names of the files it wants.

    From then on, this process ends when its parent does.

    Args:
        listing: Size and SHA-256 of each file by name; None if unknown.
    """
    print(json.dumps(listing), file=_to_parent, flush=True)
    wanted: list[str] = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return wanted


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)
