"""Splits documents into chunks that follow headings and keep their line numbers.

`splitting` packs the tree of `sections` into spans as large as `measure` allows, `spans` and
`long_lines` break sections and lines that do not fit, and `chunks` turns spans into chunks.
"""

# Increase this when the same document would give different chunks: builds then split all again.
SPLITTER_VERSION = 2
