"""One line that tells how far a long command is, on a terminal and nowhere else."""

from __future__ import annotations

import time
from typing import TextIO

__all__ = ["Progress", "line"]

_SECONDS = 0.2
"""Between two looks of a human."""


class Progress:
    """Shows count, rate, and the time left where the size of the whole is known. A context manager."""

    def __init__(self, stream: TextIO, size: int | None, *, quiet: bool = False) -> None:
        self._stream = stream
        self._size = size
        self._is_shown = stream.isatty() and not quiet
        self._started = self._looked = time.monotonic()
        self._done = 0
        self._first: int | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def show(self, size: int, count: int) -> None:
        """Tell of a step of some size, and how many VMs there are by now."""
        self._done += size
        now = time.monotonic()
        if self._first is None:
            self._first = count
        if not self._is_shown or now - self._looked < _SECONDS:
            return
        self._looked = now
        told = line(count, count - self._first, now - self._started, self._done, self._size)
        self._stream.write(f"\r{told}\033[K")
        self._stream.flush()


def line(count: int, new: int, seconds: float, done: int, size: int | None) -> str:
    """What the line says: ``new`` of ``count`` VMs were made in these seconds, which was ``done`` of ``size``."""
    told = f"{count:,} VMs, {new / seconds:,.0f} a second"
    if not size or not done:
        return told
    left = round(seconds * max(size - done, 0) / done)
    clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}" if left >= 3600 else f"{left // 60}:{left % 60:02}"
    return f"{told}, {min(100 * done // size, 100)} %, {clock} left"
