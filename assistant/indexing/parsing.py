"""Parses files into chunks while the encoder is running.

With many processors, worker processes parse. With two, which the encoder keeps busy, a thread
does, since processes would gain nothing and each load a tokenizer. Either way, a file that
takes too long is skipped.
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

_FEW = 24  # files that a thread parses in the time a worker needs to start
_AHEAD = 48  # files that a worker may be ahead of the encoder; bounds memory
_STOP_SECONDS = 0.2  # interval at which a waiting thread checks whether to stop
_LIMIT_SECONDS = 180.0  # for one file, above the loaders' own limits
_SPECIAL_TOKENS = 2
_parser: FileParser | None = None  # of a worker process


@dataclass(frozen=True, slots=True)
class Parsed:
    """The result of parsing a file.

    Attributes:
        chunks: The file's chunks, without commit and address.
        reason: Why it has none; empty if it has.
        text: The whole document, packed as `index.document_texts` stores it.
    """

    chunks: tuple[Chunk, ...] = ()
    reason: str = ""
    text: bytes = b""


_TOO_LONG = Parsed(reason="took too long to read")


@dataclass(frozen=True, slots=True)
class FileParser:
    """Loads and splits files; can be sent to another process.

    Attributes:
        count_tokens: Counts the tokens of each text.
        max_tokens: Most tokens of a chunk's embedded text, without prefix and special tokens.
    """

    count_tokens: Callable[[Sequence[str]], list[int]]
    max_tokens: int

    def parse(self, file: SourceFile) -> Parsed:
        """Parse a file; one that cannot be read gives a reason instead of chunks."""
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
    """Create a parser whose chunks have at most `most` tokens with prefix and special tokens."""
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
    """Parse files within a `with` block, at the end of which the workers are stopped.

    Args:
        files: The files to parse; each is read once.
        parser: Creates the parser; called only if there are files.
        workers: Number of processes; 0, or few files, use a thread instead.
        limit_seconds: Time limit per file; slower files are skipped.

    Yields:
        An iterator over each file and its result, in order.
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
    """Default number of parser processes: two fewer than the processors, at most eight."""
    return min(8, max(0, cores - 2))


def _from_threads(
    parser: FileParser,
    files: Sequence[SourceFile],
    stops: list[threading.Event],
    limit_seconds: float,
) -> Iterator[tuple[SourceFile, Parsed]]:
    """Parse in a thread; if a file takes too long, a new thread continues with the next."""
    begun = 0
    while begun < len(files):
        stops.append(threading.Event())
        done = _thread(parser, files[begun:], stops[-1])
        for file in files[begun:]:
            begun += 1
            try:
                outcome = done.get(timeout=limit_seconds)
            except queue.Empty:
                stops[-1].set()  # the thread cannot be ended; it ends with the process
                yield file, _TOO_LONG
                break
            if isinstance(outcome, BaseException):
                raise outcome
            yield file, outcome


def _thread(
    parser: FileParser, files: Sequence[SourceFile], stop: threading.Event
) -> queue.Queue[Parsed | BaseException]:
    """Start a thread that parses files in order, a limited number ahead of the consumer."""
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
    """Parse in a pool; if a file hangs or kills its process, a new pool continues after it."""
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
    """Yield each file with its pending result, in order, keeping `ahead` files submitted."""
    waiting: deque[tuple[SourceFile, Any]] = deque()
    for file in files:
        waiting.append((file, pool.apply_async(_parse, (file,))))
        if len(waiting) == ahead:
            yield waiting.popleft()
    yield from waiting


def _start_worker(parser: FileParser) -> None:
    global _parser  # noqa: PLW0603 (the only way for a worker to keep its parser)
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
