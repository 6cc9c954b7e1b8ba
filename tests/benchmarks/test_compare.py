"""Calls are timed in turns."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial

import pytest

from compare import Step, in_chunks, medians


def test_each_round_calls_each_once_and_starts_one_later() -> None:
    called: list[str] = []

    def call(name: str) -> Callable[[], object]:
        return lambda: called.append(name)

    times = medians({name: call(name) for name in "abc"}, rounds=4)
    assert "".join(called) == "abcbcacababc"
    assert list(times) == ["a", "b", "c"]
    assert all(seconds >= 0 for seconds in times.values())


def test_the_garbage_collector_waits_and_is_on_again_afterwards() -> None:
    seen: list[bool] = []
    medians({"a": lambda: seen.append(gc.isenabled())}, rounds=1)
    assert seen == [False]
    assert gc.isenabled()


def test_no_rounds_have_no_median() -> None:
    with pytest.raises(ValueError, match="0 rounds"):
        medians({"a": list}, rounds=0)


def test_in_chunks_everything_is_prepared_for_a_step_before_it_is_timed() -> None:
    seen: list[str] = []

    def prepared(item: int) -> int:
        seen.append(f"prepare {item}")
        return item

    taken = in_chunks({"step": Step(prepared, lambda item: seen.append(f"call {item}"))}, [1, 2, 3], rounds=1, size=2)
    assert seen == ["prepare 1", "prepare 2", "call 1", "call 2", "prepare 3", "call 3"]
    assert taken["step"] > 0


def test_in_chunks_the_steps_take_turns_at_being_first() -> None:
    seen: list[str] = []

    def called(name: str, _: int) -> None:
        seen.append(name)

    steps = {name: Step(int, partial(called, name)) for name in "ab"}
    in_chunks(steps, [1, 2], rounds=1, size=1)
    assert seen == ["a", "b", "b", "a"]
