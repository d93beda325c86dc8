"""Comparisons with other pipelines and measurements; `scripts/benchmark.py` runs them."""
