"""How the work grows where any part of any input is doubled: ``python benchmarks/doubling.py [WORD...]``.

Words choose the dimensions whose names have one of them. Each input is doubled until its step takes long enough to be
measured; the exponent is that of the CPU time between a quarter of that size and all of it. The status is 1 where one
grows faster than its dimension allows, or where a text of 100 kB takes over 2 s.
"""

from __future__ import annotations

import gc
import math
import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator

from attrs import frozen

from dimensions import DIMENSIONS, Dimension

__all__ = ["Growth", "growth_of", "main"]

ENOUGH = 0.05
"""Seconds of CPU from which on a step is measured."""
TEXT, LONGEST = 100_000, 2.0
"""The size of a text, and the seconds that it may take."""
ROUNDS = 5


@frozen(kw_only=True)
class Growth:
    """How a step grew: the sizes, the seconds that each took, and those of a text of 100 kB where there is one."""

    name: str
    limit: float
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    of_text: float | None

    @property
    def exponent(self) -> float:
        """The power of the size by which time grew from the first to the last size."""
        return math.log(self.seconds[-1] / self.seconds[0]) / math.log(self.sizes[-1] / self.sizes[0])

    @property
    def is_kept(self) -> bool:
        return self.exponent <= self.limit and (self.of_text or 0) <= LONGEST

    def __str__(self) -> str:
        times = " ".join(f"{seconds * 1e3:8.1f}" for seconds in self.seconds)
        text = "        " if self.of_text is None else f"{self.of_text * 1e3:8.1f}"
        verdict = "kept  " if self.is_kept else "BROKEN"
        grown = f"{verdict} {self.exponent:5.2f}  at most {self.limit:4.2f} {text}"
        return f"{grown} | {self.sizes[-1]:7} {times}  {self.name}"


def growth_of(name: str, dimension: Dimension, rounds: int = ROUNDS) -> Growth:
    """Measure one dimension."""
    largest = _largest(dimension)
    sizes = tuple(max(largest // part, 1) for part in (4, 2, 1))
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            taken[size].append(_seconds(dimension, dimension.make(size)))
    seconds = tuple(statistics.median(each) for each in taken.values())
    return Growth(name=name, limit=dimension.exponent, sizes=sizes, seconds=seconds, of_text=_of_text(dimension))


def _largest(dimension: Dimension) -> int:
    """The size at which a step takes long enough, or the largest that there may be."""
    size = dimension.first
    dimension.call(dimension.make(size))
    while size < dimension.most and _seconds(dimension, dimension.make(size)) < ENOUGH:
        size *= 2
    return size


def _of_text(dimension: Dimension) -> float | None:
    """The seconds for a text of about 100 kB; nothing where the input is no text, or is never so long."""
    size = dimension.first
    while size < dimension.most and isinstance(text := dimension.make(size), str) and len(text) < TEXT:
        size *= 2
    text = dimension.make(size)
    if not isinstance(text, str) or len(text) < TEXT:
        return None
    return _seconds(dimension, dimension.make(max(size * TEXT // len(text), 1)))


def _seconds(dimension: Dimension, given: object) -> float:
    gc.collect()
    gc.disable()
    started = time.process_time()
    dimension.call(given)
    seconds = time.process_time() - started
    gc.enable()
    return max(seconds, 1e-6)


def measured(words: list[str], rounds: int) -> Iterator[Growth]:
    for name, dimension in DIMENSIONS.items():
        if not words or any(word in name for word in words):
            growth = growth_of(name, dimension, rounds)
            # a machine that does something else for a moment is no reason to fail
            yield growth if growth.is_kept else growth_of(name, dimension, 2 * rounds + 1)


def main() -> int:
    """Print a line for each dimension, and how many grow too fast."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    print("       exponent             100 kB |    size  ms at a quarter, a half, all of it")
    broken = 0
    for growth in measured(asked.words, asked.rounds):
        broken += not growth.is_kept
        print(growth, flush=True)
    print(f"{broken} grow too fast, or take too long")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
