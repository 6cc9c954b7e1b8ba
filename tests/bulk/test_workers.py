"""Processes that are forked for a run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from multiprocessing import Pipe
from threading import Lock
from typing import Any

import pytest

from kvnet.bulk import workers
from kvnet.bulk.scheduler import results
from kvnet.bulk.workers import Processes

_LARGE = 1 << 22
"""More bytes than any pipe holds."""


@pytest.fixture
def pool() -> Iterator[Processes]:
    with Processes(2) as made:
        yield made


class Unreadable:
    """A result that is sent and cannot be read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return failed, (KeyError,)


def doubled(text: bytes) -> bytes:
    return text * 2


def failed(error: type[Exception], *arguments: Any) -> None:
    raise error(*arguments)


def failed_here() -> None:
    class Own(Exception):
        pass

    raise Own("unlucky")


def with_lock() -> Lock:
    return Lock()


def ended(sign: int) -> None:
    os.kill(os.getpid(), sign)


def process() -> int:
    time.sleep(0.01)
    return os.getpid()


def texts(numbers: Sequence[int]) -> list[str]:
    """Give numbers as texts; kill the worker with 13."""
    if 13 in numbers:
        ended(signal.SIGKILL)
    return [str(number) for number in numbers]


def test_workers_do_their_tasks_at_the_same_time_in_whatever_order_results_are_asked_for(pool: Processes) -> None:
    pids, asked = {worker.process.pid for worker in pool._workers.values()}, [pool.submit(process) for _ in range(8)]
    assert {future.result() for future in reversed(asked)} == pids
    assert os.getpid() not in pids


def test_texts_larger_than_a_pipe_pass_both_ways(pool: Processes) -> None:
    asked = [pool.submit(doubled, bytes([n]) * _LARGE) for n in range(5)]
    assert [future.result() == bytes([n]) * 2 * _LARGE for n, future in enumerate(asked)] == [True] * 5


def test_an_error_of_a_task_is_that_of_its_future_alone(pool: Processes) -> None:
    asked = [pool.submit(failed, ValueError, "unlucky"), pool.submit(Unreadable)]
    asked += [pool.submit(with_lock), pool.submit(doubled, Lock()), pool.submit(doubled, b"fine")]
    assert asked.pop().result() == b"finefine"
    for future, error in zip(asked, (ValueError, KeyError, TypeError, TypeError), strict=True):
        with pytest.raises(error):
            future.result()


def test_an_error_that_cannot_be_sent_is_told_and_ends_no_worker(pool: Processes) -> None:
    asked = [pool.submit(failed_here), pool.submit(doubled, b"fine")]
    with pytest.raises(RuntimeError, match=r"^Own: unlucky$"):
        asked[0].result()
    assert asked[1].result() == b"finefine"


def test_a_pool_does_later_tasks_after_some_were_cancelled(pool: Processes) -> None:
    asked = [pool.submit(process) for _ in range(9)]
    cancelled = [future.cancel() for future in asked]
    assert cancelled == [False, False] + [True] * 7, "what a worker is at cannot be cancelled"
    assert [pool.submit(doubled, b"a").result() for _ in range(4)] == [b"aa"] * 4


@pytest.mark.parametrize(("sign", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, -15)])
def test_a_worker_that_ends_is_told_with_its_status(pool: Processes, sign: int, status: int) -> None:
    asked = pool.submit(ended, sign)
    with pytest.raises(BrokenExecutor, match=f"a worker process ended with status {status}"):
        asked.result()


def test_a_worker_that_ends_while_it_has_nothing_to_do_is_told_too(pool: Processes) -> None:
    for worker in pool._workers.values():
        worker.process.kill()
        worker.process.join()
    with pytest.raises(BrokenExecutor):
        pool.submit(doubled, b"never").result()


def test_workers_leave_the_interrupt_to_the_process_that_started_them(pool: Processes) -> None:
    assert pool.submit(ended, signal.SIGINT).result() is None


def test_a_task_that_kills_every_worker_is_found_and_lost_alone() -> None:
    chunks = [range(n, n + 4) for n in range(0, 24, 4)]
    made = results(chunks, texts, lambda number, error: [f"{number}: {error}"], partial(Processes, 2), ahead=3)
    wanted = ["13: a worker process ended with status -9" if n == 13 else str(n) for n in range(24)]
    assert [each for part in made for each in part] == wanted


def test_no_worker_is_left_however_stuck_it_is() -> None:
    pool = Processes(2)
    pool.submit(time.sleep, 3600)
    processes = [worker.process for worker in pool._workers.values()]
    pool.shutdown()
    assert [process.exitcode for process in processes] == [-signal.SIGKILL] * 2


def test_the_end_of_a_worker_is_seen_though_another_thread_forks_one_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    delays = iter((0.2, 0.05))

    def slow_pipe() -> Any:
        made = Pipe()
        time.sleep(next(delays))
        return made

    monkeypatch.setattr(workers, "Pipe", slow_pipe)
    # the workers of a thread end with it
    with ThreadPoolExecutor(2) as threads:
        pools = list(threads.map(Processes, [1, 1]))
        for pool in pools:
            (worker,) = pool._workers.values()
            worker.process.kill()
            worker.process.join()
            assert pool._poll.poll(5000)
        for pool in pools:
            pool.shutdown()


@pytest.mark.parametrize("threads", [0, 1], ids=["alone", "beside another thread, which may take the signal"])
def test_an_interrupt_at_the_very_moment_of_a_fork_is_not_lost(threads: int) -> None:
    signals = [signal.SIGINT]

    def hook() -> None:
        # it cannot be taken back, and does nothing at later forks
        if signals:
            os.kill(os.getpid(), signals.pop())
            time.sleep(0.05)

    os.register_at_fork(after_in_parent=hook)
    with ThreadPoolExecutor(threads) if threads else nullcontext() as others:
        if others:
            others.submit(time.sleep, 0.2)
        with pytest.raises(KeyboardInterrupt):
            Processes(1)
    assert not signals
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
