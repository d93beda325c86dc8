"""HTML report on one version of the index, complete in one file.

It shows counts, chunk sizes, a two-dimensional map of the chunks (the first two principal
components of their vectors), and the skipped files with reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from assistant.documents import Chunk
from assistant.embeddings.base import Vectors
from assistant.errors import SettingsError
from assistant.index.chunk_file import read_chunks
from assistant.index.chunk_store import ChunkStore
from assistant.index.manifest import EMBEDDED, Manifest

# The palette of Okabe and Ito, distinguishable with any colour vision.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#b8a800")
_MOST_POINTS = 6000
_BINS = 16
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .2rem .8rem; text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr + tr { border-top: 1px solid #8884; } svg { max-width: 100%; height: auto; }
svg text { fill: currentColor; font: 12px system-ui, sans-serif; } summary { cursor: pointer; }
.key span { display: inline-block; margin-right: 1rem; } h2 { margin-top: 2.5rem; }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 50%; }
"""


def write_report_page(file: Path, version: Path, manifest: Manifest, store: ChunkStore) -> None:
    """Write the report on an open version.

    Args:
        file: HTML file to write.
        version: Folder of the version.
        manifest: Manifest of the version.
        store: Its chunk store, for the vectors.

    Raises:
        SettingsError: The file cannot be written.
    """
    chunks = list(read_chunks(version))
    shown = chunks[:: -(-len(chunks) // _MOST_POINTS) or 1]
    found = store.vectors([chunk.id for chunk in shown]) if shown else {}
    vectors = np.zeros((len(shown), manifest.dimension), dtype=np.float32)
    for row, chunk in enumerate(shown):
        vectors[row] = found[chunk.id]
    try:
        file.write_text(report_page(manifest, chunks, shown, vectors), encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"the report {file} cannot be written: {error}",
            expected="a file in an existing, writable folder",
            action="Pass another file to --report; the index itself is ready.",
        ) from error


def report_page(
    manifest: Manifest, chunks: Sequence[Chunk], shown: Sequence[Chunk], vectors: Vectors
) -> str:
    """The report as HTML.

    Args:
        manifest: Manifest of the version.
        chunks: All chunks.
        shown: Chunks on the map.
        vectors: Vectors of `shown`, (n, dimension) float32, in the same order.
    """
    names = sorted(manifest.sources)
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}
    where = "in this folder" if manifest.vectors == EMBEDDED else f"at {manifest.vectors}"
    facts = (
        f"{len(manifest.files):,} files, {manifest.chunks:,} chunks, "
        f"{manifest.dimension}-dimensional vectors {escape(where)}, embedder "
        f"{escape(manifest.embedder.partition(':')[0])}, at most "
        f"{manifest.splitting.get('chunk_tokens', '?')} tokens per chunk."
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The index</title><style>{_STYLE}</style>
<h1>The index</h1><p>{facts}</p>
<h2>Sources</h2>{_sources(manifest, chunks)}
<h2>Sizes of the chunks</h2>{_histogram([chunk.token_count for chunk in chunks])}
<h2>Map</h2>
<p>{len(shown):,} chunks. Nearby points are similar. Hover over a point to see its source.</p>
<p class="key">{_key(colours)}</p>{_map(shown, vectors, colours)}
<h2>Skipped files</h2>{_skipped(manifest)}
</html>
"""


def _sources(manifest: Manifest, chunks: Sequence[Chunk]) -> str:
    languages = sorted({chunk.language for chunk in chunks})
    counts = Counter((chunk.source, chunk.language) for chunk in chunks)
    rows = [
        [
            name,
            entry.commit[:12],
            entry.files,
            entry.chunks,
            *(counts[name, language] for language in languages),
        ]
        for name, entry in manifest.sources.items()
    ]
    return _table(["source", "commit", "files", "chunks", *languages], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    def cells(tag: str, row: Sequence[object]) -> str:
        return "".join(
            f"<{tag}{' class=number' if isinstance(cell, int) else ''}>{cell:,}</{tag}>"
            if isinstance(cell, int)
            else f"<{tag}>{escape(str(cell))}</{tag}>"
            for cell in row
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', head)}</tr>{body}</table>"


def _histogram(sizes: Sequence[int]) -> str:
    counts, edges = np.histogram(sizes, bins=_BINS, range=(0, max(sizes, default=1)))
    highest, width, height = max(int(counts.max()), 1), 720, 200
    step = width / _BINS
    bars = "".join(
        f'<rect x="{place * step + 1:.1f}" y="{20 + height * (1 - count / highest):.1f}" '
        f'width="{step - 2:.1f}" height="{height * count / highest:.1f}" fill="{_COLOURS[0]}">'
        f"<title>{edges[place]:.0f} to {edges[place + 1]:.0f} tokens: {count:,}</title></rect>"
        f'<text x="{place * step:.1f}" y="{height + 36}">{edges[place]:.0f}</text>'
        f'<text x="{place * step:.1f}" y="{14 + height * (1 - count / highest):.1f}">'
        f"{count:,}</text>"
        for place, count in enumerate(counts)
    )
    label = "number of chunks by tokens"
    return f'<svg viewBox="0 0 {width} {height + 40}" role="img" aria-label="{label}">{bars}</svg>'


def _key(colours: dict[str, str]) -> str:
    return "".join(
        f'<span><i style="background:{colour}"></i> {escape(name)}</span>'
        for name, colour in colours.items()
    )


def _map(shown: Sequence[Chunk], vectors: Vectors, colours: dict[str, str]) -> str:
    width, height = 720, 520
    points = flat(vectors).tolist() if shown else []
    circles = "".join(
        f'<circle cx="{10 + x * (width - 20):.0f}" cy="{10 + y * (height - 20):.0f}" r="2.5" '
        f'fill="{colours.get(chunk.source, _COLOURS[0])}" fill-opacity=".6">'
        f"<title>{escape(chunk.address)}\n{escape(' > '.join(chunk.heading))}</title></circle>"
        for chunk, (x, y) in zip(shown, points, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="map of chunks">{circles}</svg>'
    )


def flat(vectors: Vectors) -> Vectors:
    """First two principal components, scaled to 0..1: (n, dimension) -> (n, 2)."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)  # in order of increasing variance
    places = centred @ directions[:, [-1, -2]]
    low, high = places.min(axis=0), places.max(axis=0)
    return np.asarray((places - low) / np.maximum(high - low, 1e-9), dtype=np.float32)


def _skipped(manifest: Manifest) -> str:
    if not manifest.skipped:
        return "<p>None.</p>"
    parts = []
    for reason, count in Counter(manifest.skipped.values()).most_common():
        files = "".join(
            f"<li>{escape(address)}</li>"
            for address, why in sorted(manifest.skipped.items())
            if why == reason
        )
        parts.append(
            f"<details><summary>{escape(reason)}: {count:,}</summary><ul>{files}</ul></details>"
        )
    return "".join(parts)
