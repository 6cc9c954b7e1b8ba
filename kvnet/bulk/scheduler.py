"""Work on chunks through an executor, in order and a bounded number ahead, and lose none where workers die."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from itertools import islice
from typing import Any, Generic, TypeVar, cast

__all__ = ["results"]

T = TypeVar("T")
R = TypeVar("R")

_MOST_BREAKS = 3
"""How often the pool of a chunk may break before the chunk gets an executor of its own."""
_MOST_USELESS_POOLS = 24
"""How many pools may break before any chunk is finished; after that the pools are at fault, not the chunks."""


def results(
    chunks: Iterable[Sequence[T]],
    work: Callable[[Sequence[T]], R],
    lost: Callable[[T, BaseException], R],
    executor: Executor | Callable[[], Executor] | None,
    *,
    ahead: int,
    ordered: bool = True,
) -> Generator[R, None, None]:
    """Yield ``work(chunk)`` for each chunk, while at most ``ahead`` chunks are taken from the input and not yielded.

    ``executor`` is an executor, a callable that makes one, or ``None`` to work in this process, where no chunk is taken
    ahead. Where a given executor breaks, this process does the rest; a callable is asked for another one. A chunk in
    which pools break again and again gets an executor of its own, and then its halves do. A chunk that was divided has
    a result for each part, and ``lost(item, error)`` is that of a single item in which workers fail. ``work`` and the
    chunks are sent to workers. Closing the generator cancels what has not begun. Raises what the input raises, and what
    broke the executors where none of them finishes anything.
    """
    source = iter(chunks)
    scheduler: _Scheduler[T, R] = _Scheduler(work, lost, executor or _ThisProcess())
    try:
        while True:
            for chunk in islice(source, max((ahead if executor else 1) - len(scheduler.pending), 0)):
                scheduler.take(chunk)
            if not scheduler.pending:
                return
            yield from scheduler.next_results(ordered)
    finally:
        scheduler.stop()


class _ThisProcess(Executor):
    """Does in this process, at once, what it is given."""

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(task(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


class _Task(Generic[T, R]):
    """A chunk in work."""

    def __init__(self, chunk: Sequence[T]) -> None:
        self.chunk = chunk
        self.future: Future[R] = Future()
        self.breaks = 0

    @property
    def is_finished(self) -> bool:
        """Whether there is a result, or an error of the chunk itself."""
        if not self.future.done() or self.future.cancelled():
            return False
        return not isinstance(self.future.exception(), BrokenExecutor)


class _Scheduler(Generic[T, R]):
    """An executor, and the chunks that were given to it in their order."""

    def __init__(
        self,
        work: Callable[[Sequence[T]], R],
        lost: Callable[[T, BaseException], R],
        executor: Executor | Callable[[], Executor],
    ) -> None:
        self._work, self._lost = work, lost
        # a class has the method, too, and makes executors
        self._make = executor if isinstance(executor, type) or not hasattr(executor, "submit") else None
        self._executor = self._make() if self._make else cast(Executor, executor)
        self._finished = self._broken = 0
        self.pending: deque[_Task[T, R]] = deque()

    def take(self, chunk: Sequence[T], place: int | None = None) -> None:
        """Give a chunk to the executor; ``place`` is where its results belong, at the end unless given."""
        task: _Task[T, R] = _Task(chunk)
        self.pending.insert(len(self.pending) if place is None else place, task)
        self._submit(task)

    def next_results(self, ordered: bool) -> Iterator[R]:
        """The results of the first chunk, or of the first that is finished; none where the executor broke."""
        task = self.pending[0] if ordered else self._first_finished()
        try:
            result = task.future.result()
        except BrokenExecutor as error:
            self._replace_executor(error)
            if task.breaks >= _MOST_BREAKS and self._make is not None:
                self.pending.remove(task)
                yield from self._results_alone(task.chunk)
        except Exception as error:
            yield from self._divide(task, error)
        else:
            self._finished += 1
            self.pending.remove(task)
            yield result

    def stop(self) -> None:
        """Cancel what has not begun; end the executor, if it was made here, and its workers, in whatever they are.

        Idle workers are killed, too: one that waits for a lock which a killed one held would never end.
        """
        for task in self.pending:
            task.future.cancel()
        if self._make is not None:
            _kill_workers(self._executor)
            self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, task: _Task[T, R]) -> bool:
        """Give a task to the executor. Returns false where that broke, and another has got all tasks."""
        try:
            task.future = self._executor.submit(self._work, task.chunk)
        except (BrokenExecutor, RuntimeError) as error:
            # a RuntimeError: its owner has shut it down
            self._replace_executor(error)
            return False
        return True

    def _first_finished(self) -> _Task[T, R]:
        done, _ = wait([task.future for task in self.pending], return_when=FIRST_COMPLETED)
        return next(task for task in self.pending if task.future in done)

    def _replace_executor(self, error: BaseException) -> None:
        """Go on with a new executor, or in this process."""
        self._broken += 1
        if self._make is None:
            self._executor = _ThisProcess()
        elif not self._finished and self._broken > _MOST_USELESS_POOLS:
            raise error
        else:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = self._make()
        unfinished = [task for task in self.pending if not task.is_finished]
        for task in unfinished:
            task.breaks += 1
        # a task that is given twice would write its result into a slot that another chunk has by then
        all(self._submit(task) for task in unfinished)

    def _divide(self, task: _Task[T, R], error: Exception) -> Iterator[R]:
        """Replace a chunk by its halves; they go to workers too, for the error may have been the end of one."""
        place = self.pending.index(task)
        del self.pending[place]
        if len(task.chunk) == 1:
            yield self._lost(task.chunk[0], error)
        for number, half in enumerate(_halves(task.chunk), place):
            self.take(half, number)

    def _results_alone(self, chunk: Sequence[T]) -> Iterator[R]:
        """The results of a chunk in an executor that has nothing else to do. Where it fails, those of its halves."""
        assert self._make is not None
        try:
            with self._make() as executor:
                result = executor.submit(self._work, chunk).result()
        except Exception as error:
            if len(chunk) == 1:
                yield self._lost(chunk[0], error)
            for half in _halves(chunk):
                yield from self._results_alone(half)
        else:
            self._finished += 1
            yield result


def _kill_workers(executor: Executor) -> None:
    """Kill the processes of a pool, one of which may never end what it is at."""
    # from Python 3.14 on, ProcessPoolExecutor.kill_workers does this
    for process in list((getattr(executor, "_processes", None) or {}).values()):
        process.kill()


def _halves(chunk: Sequence[T]) -> tuple[Sequence[T], ...]:
    """The chunk in two parts, or nothing where it is a single item."""
    middle = len(chunk) // 2
    return (chunk[:middle], chunk[middle:]) if middle else ()
