"""Serves the sample page as a program of its own: python -m tests.ui.serve_sample PORT."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from assistant.door import Door
from assistant.ui.layout import build_demo
from assistant.ui.serving import start, wait
from tests.ui.demo import build_sample_index, make_demo_chain, make_model, sample_manifest

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("assistant").setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        chain = make_demo_chain(build_sample_index(Path(folder)), make_model())
        demo, door = build_demo(chain, sample_manifest), Door()
        try:
            start(demo, host="127.0.0.1", port=int(sys.argv[1]), door=door)
            wait(demo, door, share_timeout_seconds=20)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
