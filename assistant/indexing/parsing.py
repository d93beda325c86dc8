"""Files to chunks, while the encoder works.

On many processors worker processes parse. On two, which the encoder fills, a thread does:
processes would gain nothing and take the memory of a tokenizer each. A file that takes
too long is skipped in both.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from assistant.documents import Chunk, SourceFile
from assistant.errors import NO_MEMORY, UnreadableFileError
from assistant.index.chunk_links import has_link, mark
from assistant.index.document_texts import packed
from assistant.loaders import load
from assistant.splitter.splitting import split

_FEW = 24  # files that a thread has parsed before a worker has started
_AHEAD = 48  # files a worker may be ahead of the encoder; bounds the memory
_STOP_SECONDS = 0.2  # how often a waiting thread looks whether it shall end
_LIMIT_SECONDS = 180.0  # for one file, above the loaders' own limits
_SPECIAL_TOKENS = 2
_parser: FileParser | None = None  # of a worker process


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's chunks, or why it has none.

    `text` is the whole document's, packed as `index.document_texts` stores it.
    """

    chunks: tuple[Chunk, ...] = ()
    reason: str = ""
    text: bytes = b""


_TOO_LONG = Parsed(reason="took too long to read")


@dataclass(frozen=True, slots=True)
class FileParser:
    """Loads and splits; can be sent to another process.

    Attributes:
        count_tokens: Tokens of each text.
        max_tokens: Most tokens of a chunk's embedded text, without prefix and special tokens.
    """

    count_tokens: Callable[[Sequence[str]], list[int]]
    max_tokens: int

    def parse(self, file: SourceFile) -> Parsed:
        """Chunks of a file, commit and address not filled in."""
        try:
            document = load(file)
        except UnreadableFileError as error:
            return Parsed(reason=error.reason)
        except RecursionError:
            return Parsed(reason="nested too deeply")
        except MemoryError:
            return Parsed(reason=NO_MEMORY)
        chunks = split(
            document,
            replace(file, commit=""),
            count_tokens=self.count_tokens,
            max_tokens=self.max_tokens,
            link=mark(has_link(file.source, file.commit)),
        )
        if not chunks:
            return Parsed(reason="no text")
        return Parsed(tuple(chunks), text=packed(document.text))


def make_parser(
    count_tokens: Callable[[Sequence[str]], list[int]], passage_prefix: str, most: int
) -> FileParser:
    """A parser whose chunks are at most `most` tokens for the model, everything counted."""
    added = count_tokens([passage_prefix])[0] + _SPECIAL_TOKENS
    return FileParser(count_tokens, most - added)


@contextmanager
def parsing(
    files: Sequence[SourceFile],
    parser: Callable[[], FileParser],
    workers: int,
    *,
    limit_seconds: float = _LIMIT_SECONDS,
) -> Iterator[Iterator[tuple[SourceFile, Parsed]]]:
    """Gives each file with its chunks, in order; stops the workers at the end.

    Args:
        files: Each is read once.
        parser: Made only if there are files.
        workers: Processes for many files; 0: a thread, as for few.
        limit_seconds: A file that takes longer is skipped.
    """
    if not files:
        yield iter(())
        return
    if workers < 1 or len(files) <= _FEW:
        stops: list[threading.Event] = []
        try:
            yield _from_threads(parser(), files, stops, limit_seconds)
        finally:
            for stop in stops:
                stop.set()
        return
    context, made = multiprocessing.get_context("spawn"), parser()
    start = partial(context.Pool, workers, _start_worker, (made,))
    outcomes = _from_pools(start, files, workers, limit_seconds)
    with closing(outcomes):
        yield outcomes


def default_workers(cores: int) -> int:
    """Two processes fewer than processors that may be used, at most eight."""
    return min(8, max(0, cores - 2))


def _from_threads(
    parser: FileParser,
    files: Sequence[SourceFile],
    stops: list[threading.Event],
    limit_seconds: float,
) -> Iterator[tuple[SourceFile, Parsed]]:
    """One thread; where a file takes too long, another one continues behind it."""
    begun = 0
    while begun < len(files):
        stops.append(threading.Event())
        done = _thread(parser, files[begun:], stops[-1])
        for file in files[begun:]:
            begun += 1
            try:
                outcome = done.get(timeout=limit_seconds)
            except queue.Empty:
                stops[-1].set()  # no thread can be ended from outside; it ends with the process
                yield file, _TOO_LONG
                break
            if isinstance(outcome, BaseException):
                raise outcome
            yield file, outcome


def _thread(
    parser: FileParser, files: Sequence[SourceFile], stop: threading.Event
) -> queue.Queue[Parsed | BaseException]:
    """Parses the files in order, not too far ahead of who takes them."""
    done: queue.Queue[Parsed | BaseException] = queue.Queue(_AHEAD)

    def put(outcome: Parsed | BaseException) -> None:
        while not stop.is_set():
            try:
                done.put(outcome, timeout=_STOP_SECONDS)
            except queue.Full:
                continue
            break

    def parse_all() -> None:
        try:
            for file in files:
                if stop.is_set():
                    return
                put(parser.parse(file))
        except BaseException as error:  # noqa: BLE001 (raised again where the files are read)
            put(error)

    threading.Thread(target=parse_all, daemon=True).start()
    return done


def _from_pools(
    start: Callable[[], Any], files: Sequence[SourceFile], workers: int, limit_seconds: float
) -> Generator[tuple[SourceFile, Parsed], None, None]:
    """One pool; where a file hangs or ends its process, another one continues behind it."""
    begun = 0
    while begun < len(files):
        pool = start()
        try:
            for file, result in _handed_out(pool, files[begun:], workers * _AHEAD):
                begun += 1
                try:
                    outcome = result.get(limit_seconds)
                except multiprocessing.TimeoutError:
                    yield file, _TOO_LONG
                    break
                yield file, outcome
        finally:
            pool.terminate()
            pool.join()


def _handed_out(
    pool: Any, files: Sequence[SourceFile], ahead: int
) -> Iterator[tuple[SourceFile, Any]]:
    """The files in order, each with its result to wait for; so many are handed out before."""
    waiting: deque[tuple[SourceFile, Any]] = deque()
    for file in files:
        waiting.append((file, pool.apply_async(_parse, (file,))))
        if len(waiting) == ahead:
            yield waiting.popleft()
    yield from waiting


def _start_worker(parser: FileParser) -> None:
    global _parser  # noqa: PLW0603 (a worker's only way to keep what it was started with)
    _parser = parser
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the build ends its workers itself
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _parse(file: SourceFile) -> Parsed:
    if _parser is None:
        raise RuntimeError("the worker was not started")
    return _parser.parse(file)
