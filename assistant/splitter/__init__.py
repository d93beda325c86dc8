"""Splits documents into chunks that follow headings and know their lines.

`splitting` packs the tree of `sections` into spans (`spans`, `long_lines`) as large as
`measure` allows, and `chunks` makes chunks of them.
"""

# To be raised when the same document gives other chunks: builds then split all of them again.
SPLITTER_VERSION = 2
