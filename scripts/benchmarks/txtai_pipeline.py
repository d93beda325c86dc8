"""txtai's own pipeline, which a user could pick instead: a baseline of the benchmark.

txtai's segmentation by paragraphs and its embeddings database (Faiss and SQLite), with
the same files and the same embedder as ours. Prints one JSON object.
"""

import argparse
import json
import time
from pathlib import Path


def main() -> None:
    """Index the files and print seconds and the number of sections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=Path, required=True, help="lines of address TAB file")
    parser.add_argument("--embedder", type=Path, required=True)
    parser.add_argument("--db", type=Path, required=True)
    arguments = parser.parse_args()
    from txtai import Embeddings
    from txtai.pipeline import Segmentation

    files = [line.split("\t", 1) for line in arguments.files.read_text("utf-8").splitlines()]
    started = time.monotonic()
    segments = Segmentation(paragraphs=True)
    sections = [
        (f"{address}#{place}", text, None)
        for address, file in files
        for place, text in enumerate(segments(Path(file).read_text("utf-8", errors="replace")))
    ]
    split = time.monotonic() - started
    embeddings = Embeddings(
        path=str(arguments.embedder),
        content=True,
        instructions={"query": "query: ", "data": "passage: "},
    )
    embeddings.index(sections)
    embeddings.save(str(arguments.db))
    seconds = {"load": split, "all": time.monotonic() - started}
    print(json.dumps({"seconds": seconds, "chunks": len(sections)}))


if __name__ == "__main__":
    main()
