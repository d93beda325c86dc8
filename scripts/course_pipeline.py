"""Runs `scripts/benchmarks/course_pipeline.py`, which builds what evaluations compare with."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if __name__ == "__main__":
    from scripts.benchmarks.course_pipeline import main

    main()
