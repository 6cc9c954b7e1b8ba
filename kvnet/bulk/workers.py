"""Processes that are forked for a run, each with a pipe of its own, and the memory that they share with this one."""

from __future__ import annotations

import mmap
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager, suppress
from ctypes import CDLL
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection, wait
from typing import Any, ClassVar, NamedTuple

__all__ = ["Area", "Processes", "Slot", "TextInSlot"]

_PR_SET_PDEATHSIG = 1
"""Of Linux: which signal a process gets when its parent ends; include/uapi/linux/prctl.h."""


class Processes(Executor):
    """Forked processes, each with one task at a time. They end with this process, and leave Ctrl-C to it.

    There is no thread: results are received while the caller waits for the ``result`` of a future, which nothing else
    tells about. Where a worker ends, no task gets a result any more.
    """

    def __init__(self, count: int) -> None:
        self._waiting: deque[tuple[_Result, Callable[..., Any], tuple[Any, ...]]] = deque()
        self._workers: list[_Worker] = []
        for _ in range(count):
            self._workers.append(_Worker())

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        """Send a task to a worker, now or later. Raises BrokenExecutor where a worker has ended."""
        future = _Result(self)
        self._waiting.append((future, task, arguments))
        self._send()
        return future

    def receive(self) -> None:
        """Wait until a worker has finished its task. Raises BrokenExecutor where one has ended instead."""
        busy = {worker.connection: worker for worker in self._workers if worker.future is not None}
        for connection in wait(list(busy)):
            assert isinstance(connection, Connection)
            busy[connection].receive()
        self._send()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Kill the workers, one of which may never end what it is at."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()

    def _send(self) -> None:
        for worker in self._workers:
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

    def __init__(self) -> None:
        self.connection, other = Pipe()
        self.process = get_context("fork").Process(target=_serve, args=(other, self.connection), daemon=True)
        self.process.start()
        other.close()
        self.future: Future[Any] | None = None
        self._task: Callable[..., Any] | None = None

    def send(self, future: Future[Any], task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Give the process a task; the function is sent only where it is another than before."""
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
        assert self.future is not None
        with self._demanded():
            data = self.connection.recv_bytes()
        future, self.future = self.future, None
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


def _serve(connection: Connection, of_parent: Connection) -> None:
    """Do the tasks of a worker until its parent has gone."""
    of_parent.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError, AttributeError):
        # while it is at a task, it does not see that its parent has gone
        CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    task = None
    with suppress(EOFError, OSError):
        while True:
            given, arguments = pickle.loads(connection.recv_bytes())
            task = given or task
            connection.send_bytes(_answer(task, arguments))


def _answer(task: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps((task(*arguments), None))
    except Exception as error:
        return pickle.dumps((None, error))
class Slot(NamedTuple):
    """A part of an area, in which one chunk is kept and another its result."""

    area: int
    number: int

    def put(self, text: bytes | memoryview, *, is_result: bool = False) -> bool:
        """Keep a text here. Returns whether there is room for it."""
        return Area.known[self.area].put(2 * self.number + is_result, text)

    def view(self, length: int, *, is_result: bool = False) -> memoryview:
        """The text of a length that is kept here, which is not copied."""
        return Area.known[self.area].view(2 * self.number + is_result, length)


class TextInSlot(NamedTuple):
    """A text that is kept in a slot."""

    slot: Slot
    length: int


class Area:
    """Room for the texts of so many chunks, ``size`` bytes for each and for its result. Workers are forked later.

    It is gone when the processes end, however they end.
    """

    known: ClassVar[dict[int, Area]] = {}

    def __init__(self, slots: int, size: int) -> None:
        self._size, self._slots = size, slots
        self._memory = mmap.mmap(-1, 2 * slots * size)
        self.known[id(self)] = self

    def slot(self, number: int) -> Slot:
        """The slot of a chunk, whose number counts all chunks. Slots are used in turns."""
        return Slot(id(self), number % self._slots)

    def close(self) -> None:
        """Give the memory back, or leave that to the last view of it."""
        del self.known[id(self)]
        with suppress(BufferError):
            self._memory.close()

    def put(self, place: int, text: bytes | memoryview) -> bool:
        if len(text) > self._size:
            return False
        start = place * self._size
        self._memory[start : start + len(text)] = text
        return True

    def view(self, place: int, length: int) -> memoryview:
        start = place * self._size
        return memoryview(self._memory)[start : start + length]
