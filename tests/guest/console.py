"""Questions to the guest over its serial line, and whole answers: see tests/guest/init."""

from __future__ import annotations

import os
import re
import select
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["Console", "SilentGuest", "console"]

_ASK_AGAIN = 3.0
_TAIL = 2000


class SilentGuest(Exception):
    """The guest did not answer in time, or its line is cut; the message ends with the last it said."""


@contextmanager
def console(path: str) -> Iterator[Console]:
    """A pseudo terminal whose other end is the guest's serial port."""
    line = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(line)
        yield Console(line)
    finally:
        os.close(line)


class Console:
    """The near end of the line."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._number = 0
        self._heard = ""

    def ask(self, *words: str, timeout: float) -> tuple[str, ...]:
        """The lines of the answer. A question that gets no whole answer is asked again, for words only look or set.

        Raises SilentGuest.
        """
        end, patience = time.monotonic() + timeout, _ASK_AGAIN
        self._number += 1
        start = len(self._heard)
        while (now := time.monotonic()) < end:
            self.say(str(self._number), *words)
            answer = self._answer(start, min(now + patience, end))
            if answer is not None:
                return answer
            patience *= 2  # the guest may be at it still, and goes through all that it is asked
        told = f"no answer to {' '.join(words)!r} within {timeout:g} s"
        raise SilentGuest(f"{told}; the last that the guest said:\n{self._heard[-_TAIL:]}")

    def say(self, *words: str) -> None:
        """Words that want no answer. Raises SilentGuest."""
        try:
            with suppress(BlockingIOError):  # nobody reads yet
                os.write(self._line, f"\n{' '.join(words)}\n".encode())
        except OSError as error:
            raise self._cut() from error

    def _answer(self, start: int, end: float) -> tuple[str, ...] | None:
        mark = f"@{self._number} "
        whole = re.compile(rf"^{mark}begin\r?\n((?:{mark}.*\n)*?){mark}end (\d+)\r?\n", re.MULTILINE)
        while self._hear(end):
            for found in whole.finditer(self._heard, start):
                lines = tuple(line.removeprefix(mark) for line in found[1].splitlines())
                if len(lines) == int(found[2]):
                    return lines
        return None

    def _hear(self, end: float) -> bool:
        """Whether anything was said until then."""
        ready, _, _ = select.select([self._line], [], [], max(end - time.monotonic(), 0))
        if not ready:
            return False
        try:
            said = os.read(self._line, 65536)
        except OSError as error:
            raise self._cut() from error
        if not said:
            raise self._cut()
        self._heard += said.decode(errors="replace")
        return True

    def _cut(self) -> SilentGuest:
        return SilentGuest(f"the line is cut; the last that the guest said:\n{self._heard[-_TAIL:]}")
