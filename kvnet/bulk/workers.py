"""Processes that are forked for a run, each with a pipe of its own, and the memory that they share with this one."""

from __future__ import annotations

import pickle
import select
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager, suppress
from ctypes import CDLL
from mmap import mmap
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from threading import Lock, current_thread, main_thread
from typing import Any, ClassVar, NamedTuple
from weakref import WeakValueDictionary

__all__ = ["Area", "Processes", "Slot", "TextInSlot"]

_PR_SET_PDEATHSIG = 1
"""Of Linux: which signal a process gets when its parent ends; include/uapi/linux/prctl.h."""


class Processes(Executor):
    """Forked processes, each with one task at a time. They end with this process, and leave Ctrl-C to it.

    There is no thread: results are received only while the caller is in the method ``result`` of a future, and not by
    ``concurrent.futures.wait``. Where a worker ends, ``result`` and ``submit`` raise BrokenExecutor.
    """

    def __init__(self, count: int) -> None:
        self._waiting: deque[tuple[_Result, Callable[..., Any], tuple[Any, ...]]] = deque()
        self._workers = {worker.connection.fileno(): worker for worker in (_Worker() for _ in range(count))}
        self._poll = select.poll()
        for descriptor in self._workers:
            self._poll.register(descriptor, select.POLLIN)

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        """Send a task to a worker, now or later. Raises BrokenExecutor where a worker has ended."""
        future = _Result(self)
        self._waiting.append((future, task, arguments))
        self._send()
        return future

    def receive(self) -> None:
        """Wait until a worker has finished its task. Raises BrokenExecutor where one has ended instead."""
        for descriptor, _ in self._poll.poll():
            self._workers[descriptor].receive()
        self._send()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Kill the workers, one of which may never end what it is at."""
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            worker.process.join()
            worker.connection.close()

    def _send(self) -> None:
        for worker in self._workers.values():
            while self._waiting and worker.future is None:
                worker.send(*self._waiting.popleft())


class _Result(Future[Any]):
    """The result of a task, which the pool receives while one waits for it."""

    def __init__(self, pool: Processes) -> None:
        super().__init__()
        self._pool = pool

    def result(self, timeout: float | None = None) -> Any:
        while not self.done():
            self._pool.receive()
        return super().result(timeout)


class _Worker:
    """A forked process, and the future of the task that it is at.

    It gets a task whole before it answers, so that the two never wait for each other with full pipes.
    """

    _one_at_a_time: ClassVar[Lock] = Lock()
    """A worker that another thread forks meanwhile would hold the pipe open, and hide the end of this one."""

    def __init__(self) -> None:
        with self._one_at_a_time, _interrupted_later():
            self.connection, other = Pipe()
            self.process = get_context("fork").Process(target=_serve, args=(other, self.connection), daemon=True)
            self.process.start()
            other.close()
        self.future: Future[Any] | None = None
        self._task: Callable[..., Any] | None = None

    def send(self, future: Future[Any], task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Give the process a task that was not cancelled; the function is sent only where it is another than before."""
        if not future.set_running_or_notify_cancel():
            return
        try:
            data = pickle.dumps((None if task is self._task else task, arguments))
        except Exception as error:
            future.set_exception(error)
            return
        self.future, self._task = future, task
        with self._demanded():
            self.connection.send_bytes(data)

    def receive(self) -> None:
        """Take the answer to the task."""
        with self._demanded():
            data = self.connection.recv_bytes()
        future, self.future = self.future, None
        assert future is not None, "a worker sends nothing unasked"
        try:
            result, error = pickle.loads(data)
        except Exception as unreadable:
            result, error = None, unreadable
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    @contextmanager
    def _demanded(self) -> Iterator[None]:
        """Raise BrokenExecutor where the process has ended."""
        try:
            yield
        except (EOFError, OSError) as error:
            self.process.kill()
            self.process.join()
            raise BrokenExecutor(f"a worker process ended with status {self.process.exitcode}") from error


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Keep Ctrl-C until a fork is over: Python ignores what is raised in its hooks, such as that of ``logging``.

    The handler is replaced rather than the signal blocked, which the kernel would give to another thread. Handlers
    run in the main thread alone, so that a fork in another one has nothing to lose.
    """
    handler = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or handler is None:
        yield
        return
    kept: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: kept.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if kept:
            signal.raise_signal(signal.SIGINT)


def _serve(connection: Connection, of_parent: Connection) -> None:
    """Do the tasks of a worker until its parent has gone."""
    of_parent.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError, AttributeError):
        # while it is at a task, it does not see that its parent has gone
        CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    task: Callable[..., Any] = _answer
    with suppress(EOFError, OSError):
        while True:
            given, arguments = pickle.loads(connection.recv_bytes())
            task = given or task
            connection.send_bytes(_answer(task, arguments))


def _answer(task: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps((task(*arguments), None))
    except Exception as error:
        return _sent_error(error)


def _sent_error(error: Exception) -> bytes:
    """The answer that a task failed; an error that cannot be sent is told in words."""
    try:
        return pickle.dumps((None, error))
    except Exception:
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))


class Area:
    """Memory for the texts of so many chunks, ``size`` bytes for each and for its result. Workers are forked later.

    It is given back when nothing refers to it, or when the processes end, however they end.
    """

    known: ClassVar[WeakValueDictionary[int, Area]] = WeakValueDictionary()

    def __init__(self, slots: int, size: int) -> None:
        self.rooms = [(mmap(-1, size), mmap(-1, size)) for _ in range(slots)]
        self.known[id(self)] = self

    def slot(self, number: int) -> Slot:
        """The slot of a chunk, whose number counts all chunks. Slots are used in turns."""
        return Slot(id(self), number % len(self.rooms))


class Slot(NamedTuple):
    """A part of an area: the memory for the text of a chunk, and that for its result."""

    area: int
    number: int

    def room(self, *, of_result: bool = False) -> mmap:
        """The memory, which workers have in common with this process."""
        return Area.known[self.area].rooms[self.number][of_result]

    def put(self, *texts: bytes) -> list[TextInSlot]:
        """Keep the texts of a result here, one behind the other. Returns nothing where there is no room for them."""
        room, end, kept = self.room(of_result=True), 0, []
        if sum(map(len, texts)) > len(room):
            return []
        for text in texts:
            kept.append(TextInSlot(self, end, len(text), of_result=True))
            end += len(text)
            room[kept[-1].start : end] = text
        return kept


class TextInSlot(NamedTuple):
    """A text that is kept in a slot, which may be used again as soon as the next chunk is sent."""

    slot: Slot
    start: int
    length: int
    of_result: bool = False

    @property
    def view(self) -> memoryview:
        """The text, which is not copied."""
        return memoryview(self.slot.room(of_result=self.of_result))[self.start : self.start + self.length]
