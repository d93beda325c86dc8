"""What the child programs say to their parent: one line out, one line in; knows no hub."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping

# Client libraries print as they please; standard output is kept for the parent.
_to_parent = sys.stdout
sys.stdout = sys.stderr


def ask_which(listing: Mapping[str, tuple[int | None, str | None]]) -> list[str]:
    """Tell the parent what there is (size and SHA-256 of each name), return what it wants.

    From then on this process ends when its parent does.
    """
    print(json.dumps(listing), file=_to_parent, flush=True)
    wanted: list[str] = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return wanted


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)
