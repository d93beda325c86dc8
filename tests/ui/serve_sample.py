"""Serves the sample page as a program of its own: python -m tests.ui.serve_sample PORT."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from assistant.ui.layout import build_demo
from assistant.ui.serving import serve
from tests.ui.demo import build_sample_index, make_demo_chain, make_model, sample_manifest

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("assistant").setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        chain = make_demo_chain(build_sample_index(Path(folder)), make_model())
        demo = build_demo(chain, sample_manifest)
        try:
            serve(
                demo, host="127.0.0.1", port=int(sys.argv[1]), share=True, share_timeout_seconds=20
            )
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
