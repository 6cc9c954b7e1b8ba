"""One line that tells how far a long command is, on a terminal and nowhere else."""

from __future__ import annotations

import time
from typing import NamedTuple, TextIO

__all__ = ["Amount", "Progress", "line"]

_SECONDS = 0.2
"""Between two looks of a human."""


class Amount(NamedTuple):
    """How much of the input, and how many VMs."""

    size: int
    vms: int


class Progress:
    """Shows count, rate, and the time left where the size of the whole is known. A context manager."""

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
        """Tell of a step: its size, and how many VMs; what is not new has taken no time."""
        if not is_new:
            self._old = Amount(size, count)
            return
        self._new = Amount(self._new.size + size, self._new.vms + count)
        now = time.monotonic()
        if not self._is_shown or now - self._looked < _SECONDS:
            return
        self._looked = now
        self._stream.write(f"\r{line(self._old, self._new, now - self._started, self._size)}\033[K")
        self._stream.flush()


def line(old: Amount, new: Amount, seconds: float, size: int | None) -> str:
    """What the line says of what was done before, and in these seconds, of a whole of some size."""
    told = f"{old.vms + new.vms:,} VMs, {new.vms / seconds:,.0f} a second"
    if not size or not new.size:
        return told
    done = old.size + new.size
    left = round(seconds * max(size - done, 0) / new.size)
    clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}" if left >= 3600 else f"{left // 60}:{left % 60:02}"
    return f"{told}, {min(100 * done // size, 100)} %, {clock} left"
