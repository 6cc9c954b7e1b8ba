"""The work for an input grows as the input does: counted in lines of Python, and not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from dimensions import DIMENSIONS, Dimension
from doubling import Growth

_SLACK = 1.35
"""What the work may grow by, as a power of the size: small inputs are not as regular as large ones."""


@contextmanager
def _counted(counts: list[int]) -> Iterator[None]:
    """Count the lines that run."""
    lines = 0

    def count(_: FrameType, event: str, __: Any) -> Callable[..., Any]:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)
        counts.append(lines)


@pytest.mark.slow
@pytest.mark.parametrize("dimension", DIMENSIONS.values(), ids=DIMENSIONS)
def test_twice_the_input_is_twice_the_work(dimension: Dimension) -> None:
    dimension.call(dimension.make(dimension.settled // 2))
    counts: list[int] = []
    for size in (dimension.settled, 2 * dimension.settled, 4 * dimension.settled):
        given = dimension.make(size)
        with _counted(counts):
            dimension.call(given)
    few, some, many = counts
    # what does not depend on the size is in each of them
    assert many - some <= 2**_SLACK * max(some - few, few // 20)


def test_what_grows_too_fast_or_takes_too_long_is_not_kept() -> None:
    def growth(seconds: tuple[float, ...], of_text: float | None = None) -> Growth:
        return Growth(name="a", limit=1.2, sizes=(1, 2, 4), seconds=seconds, of_text=of_text)

    assert growth((1, 2, 4)).is_kept
    assert growth((1, 2, 4), 1.9).is_kept
    assert not growth((1, 2, 4), 2.1).is_kept
    assert not growth((1, 4, 16)).is_kept
