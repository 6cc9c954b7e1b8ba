"""Calls are timed in turns."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from compare import medians


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
