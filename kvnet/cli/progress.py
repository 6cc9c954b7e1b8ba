"""Show on a terminal, in one line, how far a long command is."""

from __future__ import annotations

import time
from typing import NamedTuple, TextIO

__all__ = ["Amount", "Progress", "line"]

_SECONDS = 0.2
"""The least time between two updates of the line."""


class Amount(NamedTuple):
    """How much of the input, and how many machines."""

    size: int
    machines: int


class Progress:
    """Shows count and rate, and the time that is left where the size of the input is known. A context manager."""

    def __init__(self, stream: TextIO, size: int | None, *, quiet: bool = False) -> None:
        self._stream = stream
        self._size = size
        self._is_shown = stream.isatty() and not quiet
        self._started = self._looked = time.monotonic()
        self._old = Amount(0, 0)
        self._new = Amount(0, 0)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def show(self, size: int, count: int, *, is_new: bool = True) -> None:
        """Note a step: its size, and how many machines. What is not new was done by an earlier run."""
        if not is_new:
            self._old = Amount(size, count)
            return
        self._new = Amount(self._new.size + size, self._new.machines + count)
        now = time.monotonic()
        if not self._is_shown or now - self._looked < _SECONDS:
            return
        self._looked = now
        self._stream.write(f"\r{line(self._old, self._new, now - self._started, self._size)}\033[K")
        self._stream.flush()


def line(old: Amount, new: Amount, seconds: float, size: int | None) -> str:
    """The line for what was done by an earlier run, and in these seconds by this one, of an input of some size."""
    told = f"{old.machines + new.machines:,} machines, {new.machines / seconds:,.0f} a second"
    if not size or not new.size:
        return told
    done = old.size + new.size
    left = round(seconds * max(size - done, 0) / new.size)
    clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}" if left >= 3600 else f"{left // 60}:{left % 60:02}"
    return f"{told}, {min(100 * done // size, 100)} %, {clock} left"
