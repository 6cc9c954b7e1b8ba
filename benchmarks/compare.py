"""CPU times of several ways to do one thing, comparable with each other because they are taken in turns."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

__all__ = ["Step", "in_chunks", "medians"]


class Step(NamedTuple):
    """One way: ``call`` is timed, over what ``prepare`` makes of an item and hands to it."""

    prepare: Callable[[Any], Any]
    call: Callable[[Any], object]


def in_chunks(steps: Mapping[str, Step], items: Sequence[Any], rounds: int = 9, size: int = 10) -> dict[str, float]:
    """The median over rounds of the CPU time that each step takes for an item, in seconds.

    Of a chunk of items, everything is prepared for a step and then timed, step by step, so that what is timed was
    made just before, as in a stream, and not long ago. Otherwise as ``medians``.
    """
    taken: dict[str, list[float]] = {name: [] for name in steps}
    with _collected_by_hand():
        for n in range(rounds):
            sums = dict.fromkeys(steps, 0.0)
            for start in range(0, len(items), size):
                for name in _rotated(list(steps), n + start // size):
                    prepare, call = steps[name]
                    prepared = [prepare(item) for item in items[start : start + size]]
                    started = time.process_time()
                    for each in prepared:
                        call(each)
                    sums[name] += time.process_time() - started
                    del prepared
            for name, seconds in sums.items():
                taken[name].append(seconds / len(items))
            gc.collect()
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def medians(calls: Mapping[str, Callable[[], object]], rounds: int = 9) -> dict[str, float]:
    """The median CPU time of each call, in seconds, by its name.

    Every round times each call once, and starts one call later than the round before: what slows the machine
    for a while slows all of them, and none always follows the same other. The garbage collector runs between
    calls, never inside one; what a call gives back is freed within its time. Warming up is the caller's.
    """
    if rounds < 1:
        raise ValueError(f"{rounds} rounds have no median")
    taken: dict[str, list[float]] = {name: [] for name in calls}
    with _collected_by_hand():
        for n in range(rounds):
            for name in _rotated(list(calls), n):
                gc.collect()
                taken[name].append(_seconds(calls[name]))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def _rotated(names: list[str], by: int) -> list[str]:
    start = by % len(names) if names else 0
    return names[start:] + names[:start]


def _seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


@contextmanager
def _collected_by_hand() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    gc.collect()
    # what is there already is not looked through again and again
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
