"""Work on chunks through an executor, in order and a bounded number ahead, and lose none where workers die."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from threading import Thread
from typing import Generic, Protocol, TypeVar, cast

__all__ = ["Chunk", "processes", "results"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_MOST_BREAKS = 3
"""How often the pool of a chunk may break before the chunk gets an executor of its own."""
_MOST_USELESS_POOLS = 24
"""How many pools may break before any chunk is finished; after that the pools are at fault, not the chunks."""


class Chunk(Protocol[R_co]):
    """A part of the work. It is sent to a worker, and its result is sent back."""

    def render(self) -> R_co:
        """Do the work. Called by the worker."""

    def halves(self) -> Sequence[Chunk[R_co]]:
        """The chunk in two parts, or nothing where it cannot be divided."""

    def lost(self, error: BaseException) -> R_co:
        """The result of a chunk that cannot be divided, and in which workers fail with this error."""


def results(
    chunks: Iterable[Chunk[R]],
    executor: Executor | Callable[[], Executor] | None,
    *,
    ahead: int,
    ordered: bool = True,
) -> Generator[R, None, None]:
    """Yield the result of each chunk, while at most ``ahead`` chunks are taken from the input and not yielded.

    ``executor`` is an executor, a callable that makes one, or ``None`` to work in this process. Where a given executor
    breaks, this process does the rest; a callable is asked for another one. A chunk in which pools break again and
    again gets an executor of its own, and then its halves do. A chunk that was divided has a result for each part.
    Closing the generator cancels what has not begun. Raises what the input raises, and what broke the executors where
    none of them finishes anything.
    """
    if executor is None:
        for chunk in chunks:
            yield from _narrowed(chunk, _render)
        return
    source = iter(chunks)
    scheduler: _Scheduler[R] = _Scheduler(executor)
    try:
        while True:
            for chunk in islice(source, max(ahead - len(scheduler.pending), 0)):
                scheduler.take(chunk)
            if not scheduler.pending:
                return
            yield from scheduler.next_results(ordered)
    finally:
        scheduler.stop()


def _render(chunk: Chunk[R]) -> R:
    return chunk.render()


def _narrowed(chunk: Chunk[R], render: Callable[[Chunk[R]], R]) -> Iterator[R]:
    """The result of a chunk. Where it fails, those of its halves, down to the part that fails."""
    try:
        result = render(chunk)
    except Exception as error:
        failed = error
    else:
        yield result
        return
    halves = chunk.halves()
    if not halves:
        yield chunk.lost(failed)
    for half in halves:
        yield from _narrowed(half, render)


class _Task(Generic[R]):
    """A chunk in work. Without a future, this process does it when its turn comes."""

    def __init__(self, chunk: Chunk[R]) -> None:
        self.chunk = chunk
        self.future: Future[R] | None = None
        self.breaks = 0

    @property
    def is_finished(self) -> bool:
        """Whether there is a result, or an error of the chunk itself."""
        if self.future is None or not self.future.done() or self.future.cancelled():
            return False
        return not isinstance(self.future.exception(), BrokenExecutor)


class _Scheduler(Generic[R]):
    """An executor, and the chunks that were given to it in their order."""

    def __init__(self, executor: Executor | Callable[[], Executor]) -> None:
        self._make = executor if not hasattr(executor, "submit") else None
        self._executor = self._make() if self._make else cast(Executor, executor)
        self._is_broken = False
        self._finished = self._broken = 0
        self.pending: deque[_Task[R]] = deque()

    def take(self, chunk: Chunk[R]) -> None:
        """Give a chunk to the executor."""
        task = _Task(chunk)
        self.pending.append(task)
        self._submit(task)

    def next_results(self, ordered: bool) -> Iterator[R]:
        """The results of the first chunk, or of the first that is finished; none where the executor broke."""
        task = self.pending[0] if ordered else self._first_finished()
        if task.future is None:
            self.pending.remove(task)
            yield from _narrowed(task.chunk, _render)
            return
        try:
            result = task.future.result()
        except BrokenExecutor as error:
            self._replace_executor(error)
            if task.breaks >= _MOST_BREAKS and self._make is not None:
                self.pending.remove(task)
                yield from _narrowed(task.chunk, self._render_alone)
            return
        except Exception as error:
            yield from self._divide(task, error)
            return
        self._finished += 1
        self.pending.remove(task)
        yield result

    def stop(self) -> None:
        """Cancel what has not begun; end the executor, if it was made here, and its workers."""
        for task in self.pending:
            if task.future is not None:
                task.future.cancel()
        if self._make is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, task: _Task[R]) -> None:
        if self._is_broken:
            task.future = None
            return
        try:
            task.future = self._executor.submit(_render, task.chunk)
        except (BrokenExecutor, RuntimeError) as error:
            # a RuntimeError: its owner has shut it down
            self._replace_executor(error)

    def _first_finished(self) -> _Task[R]:
        here = next((task for task in self.pending if task.future is None), None)
        if here is not None:
            return here
        done, _ = wait([task.future for task in self.pending if task.future], return_when=FIRST_COMPLETED)
        return next(task for task in self.pending if task.future in done)

    def _replace_executor(self, error: BaseException) -> None:
        """Go on with a new executor, or in this process."""
        self._broken += 1
        if self._make is None:
            self._is_broken = True
        elif not self._finished and self._broken > _MOST_USELESS_POOLS:
            raise error
        else:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = self._make()
        for task in self.pending:
            if not task.is_finished:
                task.breaks += 1
                self._submit(task)

    def _divide(self, task: _Task[R], error: Exception) -> Iterator[R]:
        """Replace a chunk by its halves; they go to workers too, for the error may have been the end of one."""
        place = self.pending.index(task)
        del self.pending[place]
        halves = task.chunk.halves()
        if not halves:
            yield task.chunk.lost(error)
        for number, half in enumerate(halves, place):
            part = _Task(half)
            self.pending.insert(number, part)
            self._submit(part)

    def _render_alone(self, chunk: Chunk[R]) -> R:
        """Render a chunk in an executor that has nothing else to do."""
        assert self._make is not None
        with self._make() as executor:
            result = executor.submit(_render, chunk).result()
        self._finished += 1
        return result


def processes(count: int) -> ProcessPoolExecutor:
    """A pool of forked processes. They end with this process, however it ends, and leave Ctrl-C to it."""
    return ProcessPoolExecutor(count, mp_context=get_context("fork"), initializer=_prepare_worker)


def _prepare_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
