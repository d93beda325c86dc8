"""The index against the course's pipeline, txtai, the corpus's size and the processor."""

from __future__ import annotations

import importlib.util
import json
import random
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from assistant.commands.terminal_progress import say
from scripts.benchmarks.programs import LIMIT_SECONDS, output_of, start, start_command

_SAMPLE_SECONDS = 0.1
_EDITS = 5
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Run:
    """A command's output, its duration and the most memory that it and its children held."""

    output: str
    seconds: float
    peak_mb: float


def run(program: subprocess.Popen[str]) -> Run:
    """Wait for the end of a program that was just started."""
    began = time.monotonic()
    watcher = _MemoryWatcher(program.pid)
    output = output_of(program)
    seconds = time.monotonic() - began
    return Run(output, seconds, watcher.peak() / (1 << 20))


class _MemoryWatcher:
    """Samples the memory of a process and all below it."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._peak = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def peak(self) -> int:
        """Bytes, once the process has ended."""
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        try:
            while self._process.is_running():
                family = [self._process, *self._process.children(recursive=True)]
                self._peak = max(self._peak, sum(p.memory_info().rss for p in family))
                time.sleep(_SAMPLE_SECONDS)
        except psutil.Error:
            return


def compare(files: Sequence[tuple[str, Path]], embedder: Path, folder: Path) -> dict[str, Any]:
    """Every pipeline over the same files, one after the other.

    Args:
        files: Address and place of each.
        embedder: Folder of the model.
        folder: For what is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "files.txt"
    listed.write_text("\n".join(f"{address}\t{file}" for address, file in files), "utf-8")
    result = {"files": len(files), "ours": ours(files, folder / "ours")}
    common = ["--files", str(listed), "--embedder", str(embedder)]
    for name, module in (("course", "unstructured"), ("txtai", "txtai")):
        if importlib.util.find_spec(module) is None:
            say(f"{name}: left out, {module} is not installed")
            continue
        say(f"{name}...")
        pipeline = f"scripts.benchmarks.{name}_pipeline"
        done = run(start(pipeline, *common, "--db", str(folder / name)))
        printed = json.loads(done.output)
        result[name] = {
            "build_seconds": done.seconds,
            "peak_mb": done.peak_mb,
            "chunks": printed["chunks"],
            "seconds": printed["seconds"],
        }
    return result


def ours(files: Sequence[tuple[str, Path]], folder: Path) -> dict[str, Any]:
    """Full build, a build with nothing to do, and builds with one edited file.

    Seconds and their ratios are of whole processes and, under "build", of what the command
    itself reports, without starting Python. A command that watches has all loaded.
    """
    docs = folder / "docs"
    for address, file in files:
        (docs / address).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, docs / address)
    arguments = _arguments(folder, docs)
    say("ours...")
    full = run(start_command("build-index", *arguments))
    same = run(start_command("build-index", *arguments))
    edited = docs / files[len(files) // 2][0]
    _add_paragraph(edited)
    one = run(start_command("build-index", *arguments))
    summaries = {
        "full": json.loads(full.output),
        "unchanged": json.loads(same.output),
        "one_edited": json.loads(one.output),
        "one_edited_watched": _watched(arguments, edited),
    }
    process = {"full": full, "unchanged": same, "one_edited": one}
    whole = {name: done.seconds for name, done in process.items()}
    build = {name: summary["seconds"] for name, summary in summaries.items()}
    return {
        "build_seconds": full.seconds,
        "peak_mb": full.peak_mb,
        "chunks": summaries["full"]["chunks"],
        "embedded": {name: summary["embedded"] for name, summary in summaries.items()},
        "seconds": {"process": whole, "build": build},
        "times_as_fast": {
            "process": {name: whole["full"] / seconds for name, seconds in whole.items()},
            "build": {name: build["full"] / seconds for name, seconds in build.items()},
        },
    }


def _add_paragraph(file: Path) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"\n\nA paragraph that was not there before {time.time()}.\n")


def _watched(arguments: list[str], edited: Path) -> dict[str, Any]:
    """The summary of a build by a command that watches, the median of several by seconds."""
    summaries = []
    with start_command("build-index", *arguments, "--watch") as process:
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        limit = threading.Timer(LIMIT_SECONDS, process.kill)
        limit.start()
        try:
            process.stdout.readline()  # of the first build; it watches by then
            for _ in range(_EDITS + 1):
                _add_paragraph(edited)
                while not (summary := json.loads(process.stdout.readline()))["embedded"]:
                    pass  # a save that was seen in two parts
                summaries.append(summary)
        finally:
            limit.cancel()
            process.terminate()  # SIGINT is ignored by what a background job starts
    del summaries[0]  # loads what later ones have
    return dict(sorted(summaries, key=lambda summary: summary["seconds"])[_EDITS // 2])


def growth(
    files: Sequence[tuple[str, Path]], folder: Path, times: Sequence[int]
) -> list[dict[str, Any]]:
    """Our build over the files, and over as many times as much text, none of it equal."""
    rows = []
    for factor in times:
        docs = folder / str(factor) / "docs"
        for copy in range(factor):
            for address, file in files:
                target = docs / f"copy{copy}" / address
                target.parent.mkdir(parents=True, exist_ok=True)
                text = file.read_text("utf-8", errors="replace")
                target.write_text(shuffled(text, copy), "utf-8")
        done = run(start_command("build-index", *_arguments(folder / str(factor), docs)))
        summary = json.loads(done.output)
        rows.append(
            {
                "times": factor,
                "chunks": summary["chunks"],
                "embedded": summary["embedded"],
                "build_seconds": done.seconds,
                "peak_mb": done.peak_mb,
                "chunks_per_second": summary["embedded"] / done.seconds,
            }
        )
        say(f"{factor} times: {rows[-1]['chunks']} chunks, {done.seconds:.1f} s")
        shutil.rmtree(folder / str(factor))
    return rows


def shuffled(text: str, seed: int) -> str:
    """The same words and marks, the words in another order; seed 0 changes nothing."""
    if seed == 0:
        return text
    words = _WORD.findall(text)
    random.Random(seed).shuffle(words)  # noqa: S311 (nothing secret)
    rest = iter(words)
    return _WORD.sub(lambda _: next(rest), text)


def encoder_against_processor(texts: Sequence[str], embedder: Path) -> dict[str, Any]:
    """Operations a second while encoding, against products of large matrices here.

    Counts two operations for each weight of a layer and token, and those of attention;
    the softmax, norms and activations count nothing.
    """
    import openvino

    from assistant.embeddings import load_embedder
    from assistant.embeddings.openvino_embedder import multiplies_bfloat16

    config = json.loads((embedder / "config.json").read_text("utf-8"))
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    loaded = load_embedder(embedder)
    loaded.encode_passages(texts[:32])
    lengths = np.array(loaded.count_tokens(texts), dtype=np.float64) + 2
    per_token = 2 * (4 * hidden * hidden + 2 * hidden * inner)
    layers = config["num_hidden_layers"]
    operations = layers * (per_token * lengths.sum() + 4 * hidden * (lengths**2).sum())
    started = time.monotonic()
    loaded.encode_passages(texts)
    seconds = time.monotonic() - started
    kinds = ["float32", "bfloat16"] if multiplies_bfloat16(openvino.Core()) else ["float32"]
    peaks = {kind: _matrix_product_peak(kind) for kind in kinds}
    rate = operations / seconds / 1e9
    return {
        "chunks_per_second": len(texts) / seconds,
        "tokens_per_second": float(lengths.sum() / seconds),
        "gflops": rate,
        "peak_gflops": peaks,
        "share_of_peak": {name: rate / peak for name, peak in peaks.items()},
    }


def _matrix_product_peak(kind: str) -> float:
    """Best of several sizes, and of NumPy and torch, in 10^9 operations a second.

    NumPy's OpenBLAS was 1.3 times as fast as torch's library on an AMD EPYC.
    """
    import torch

    best = 0.0
    for size in (1024, 2048, 3072):
        square = torch.randn(size, size).to(getattr(torch, kind))
        for matrix in (square, square.numpy()) if kind == "float32" else (square,):
            for _ in range(5):
                started = time.monotonic()
                matrix @ matrix
                best = max(best, 2 * size**3 / (time.monotonic() - started) / 1e9)
    return best


def _arguments(folder: Path, docs: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.toml"
    sources.write_text(f'[[source]]\nname = "docs"\nfolder = {json.dumps(str(docs))}\n', "utf-8")
    return ["--sources", str(sources), "--db", str(folder / "db"), "--json"]
