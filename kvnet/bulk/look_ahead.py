"""Bounded look-ahead over any executor, which may break: no chunk is lost, and none counts twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Generic, TypeVar, cast

from attrs import frozen

__all__ = ["Work", "results"]

C = TypeVar("C")
R = TypeVar("R")

_BREAKS = 3
"""How often a chunk may be in a pool that breaks before it is looked at alone."""
_FRUITLESS = 24
"""How many pools may break, and none of them have finished anything, before it must be their own fault."""


@frozen(kw_only=True)
class Work(Generic[C, R]):
    """What is done to each chunk, and how to go on where it cannot be done.

    ``call`` goes to the workers; ``halves`` are nothing where a chunk cannot be split, and then ``lost`` makes
    its result of what went wrong.
    """

    call: Callable[[C], R]
    halves: Callable[[C], tuple[C, ...]]
    lost: Callable[[C, BaseException], R]


def results(
    work: Work[C, R],
    chunks: Iterable[C],
    executor: Executor | Callable[[], Executor] | None,
    *,
    ahead: int,
    ordered: bool = True,
) -> Generator[R, None, None]:
    """The result of each chunk, with at most ``ahead`` chunks taken from the input and not yet given back.

    A chunk that had to be split gives a result for each part. Where a given executor breaks, the rest is done
    in this process; where a callable makes executors, in a new one. A chunk in which pools break again and
    again is done alone, then in halves. Closing the generator cancels what has not begun.
    """
    if executor is None:
        for each in chunks:
            yield from _here(work, each)
        return
    source = iter(chunks)
    workers: _Workers[C, R] = _Workers(work, executor)
    try:
        while True:
            while len(workers.pending) < ahead and (chunk := next(source, _END)) is not _END:
                workers.take(chunk)  # type: ignore[arg-type]
            if not workers.pending:
                return
            yield from workers.next_results(ordered)
    finally:
        workers.stop()


_END = object()


class _Task(Generic[C, R]):
    """A chunk on its way; without a future it is done in this process when its turn comes."""

    def __init__(self, chunk: C) -> None:
        self.chunk = chunk
        self.future: Future[R] | None = None
        self.breaks = 0


class _Workers(Generic[C, R]):
    """An executor and what was given to it."""

    def __init__(self, work: Work[C, R], executor: Executor | Callable[[], Executor]) -> None:
        self._work = work
        self._renew = executor if not hasattr(executor, "submit") else None
        self._executor = self._renew() if self._renew else cast(Executor, executor)
        self._is_broken = False
        self._finished = self._broken = 0
        self.pending: deque[_Task[C, R]] = deque()

    def take(self, chunk: C) -> None:
        task: _Task[C, R] = _Task(chunk)
        self.pending.append(task)
        self._submit(task)

    def next_results(self, ordered: bool) -> Iterator[R]:
        """What there is next: of the first chunk, or of the first that is finished."""
        task = self.pending[0] if ordered else self._first_finished()
        if task.future is None:
            self.pending.remove(task)
            yield from _here(self._work, task.chunk)
            return
        try:
            result = task.future.result()
        except BrokenExecutor as error:
            self._break(error)
            if task.breaks >= _BREAKS and self._renew is not None:
                self.pending.remove(task)
                yield from self._alone(task.chunk)
            return
        except Exception as error:
            yield from self._split(task, error)
            return
        self._finished += 1
        self.pending.remove(task)
        yield result

    def stop(self) -> None:
        """Cancel what has not begun; an executor that was made here ends, and its workers with it."""
        for task in self.pending:
            if task.future is not None:
                task.future.cancel()
        if self._renew is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, task: _Task[C, R]) -> None:
        if self._is_broken:
            task.future = None
            return
        try:
            task.future = self._executor.submit(self._work.call, task.chunk)
        except (BrokenExecutor, RuntimeError) as error:
            # broken, or shut down by its owner
            self._break(error)

    def _first_finished(self) -> _Task[C, R]:
        inside = next((task for task in self.pending if task.future is None), None)
        if inside is not None:
            return inside
        done, _ = wait([task.future for task in self.pending if task.future], return_when=FIRST_COMPLETED)
        return next(task for task in self.pending if task.future in done)

    def _break(self, error: BaseException) -> None:
        """Go on with a new executor, or in this process."""
        self._broken += 1
        if self._renew is None:
            self._is_broken = True
        elif not self._finished and self._broken > _FRUITLESS:
            raise error
        else:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = self._renew()
        for task in self.pending:
            if not _is_finished(task.future):
                task.breaks += 1
                self._submit(task)

    def _split(self, task: _Task[C, R], error: Exception) -> Iterator[R]:
        """Put the halves in the place of a chunk, or give it up."""
        place = self.pending.index(task)
        del self.pending[place]
        parts = self._work.halves(task.chunk)
        if not parts:
            yield self._work.lost(task.chunk, error)
        for n, part in enumerate(parts):
            half: _Task[C, R] = _Task(part)
            self.pending.insert(place + n, half)
            self._submit(half)

    def _alone(self, chunk: C) -> Iterator[R]:
        """Do a chunk in an executor that has nothing else to do; narrow it down to what breaks it."""
        assert self._renew is not None
        executor = self._renew()
        try:
            result = executor.submit(self._work.call, chunk).result()
        except Exception as error:
            parts = self._work.halves(chunk)
            broke: Exception | None = error
        else:
            broke = None
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
        if broke is None:
            self._finished += 1
            yield result
        elif parts:
            for part in parts:
                yield from self._alone(part)
        else:
            yield self._work.lost(chunk, broke)


def _here(work: Work[C, R], chunk: C) -> Iterator[R]:
    """Do a chunk in this process; narrow it down to what fails."""
    try:
        result = work.call(chunk)
    except Exception as error:
        parts = work.halves(chunk)
        failed: Exception | None = error
    else:
        failed = None
    if failed is None:
        yield result
    elif parts:
        for part in parts:
            yield from _here(work, part)
    else:
        yield work.lost(chunk, failed)


def _is_finished(future: Future[R] | None) -> bool:
    """Whether there is a result, or an error that is the chunk's own."""
    if future is None or not future.done() or future.cancelled():
        return False
    return not isinstance(future.exception(), BrokenExecutor)
