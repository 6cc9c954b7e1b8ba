"""Memory that a process shares with the workers that it forks, so that lines need not go through pipes."""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import ClassVar, NamedTuple

__all__ = ["Area", "Slot", "TextInSlot"]


class Slot(NamedTuple):
    """A part of an area, in which one chunk is kept and another its result."""

    area: int
    number: int

    def put(self, text: bytes | memoryview, *, is_result: bool = False) -> bool:
        """Keep a text here. Returns whether there is room for it."""
        return Area.known[self.area].put(2 * self.number + is_result, text)

    def view(self, length: int, *, is_result: bool = False) -> memoryview:
        """The text of a length that is kept here, which is not copied."""
        return Area.known[self.area].view(2 * self.number + is_result, length)


class TextInSlot(NamedTuple):
    """A text that is kept in a slot."""

    slot: Slot
    length: int


class Area:
    """Room for the texts of so many chunks, ``size`` bytes for each and for its result. Workers are forked later.

    It is gone when the processes end, however they end.
    """

    known: ClassVar[dict[int, Area]] = {}

    def __init__(self, slots: int, size: int) -> None:
        self._size, self._slots = size, slots
        self._memory = mmap.mmap(-1, 2 * slots * size)
        self.known[id(self)] = self

    def slot(self, number: int) -> Slot:
        """The slot of a chunk, whose number counts all chunks. Slots are used in turns."""
        return Slot(id(self), number % self._slots)

    def close(self) -> None:
        """Give the memory back, or leave that to the last view of it."""
        del self.known[id(self)]
        with suppress(BufferError):
            self._memory.close()

    def put(self, place: int, text: bytes | memoryview) -> bool:
        if len(text) > self._size:
            return False
        start = place * self._size
        self._memory[start : start + len(text)] = text
        return True

    def view(self, place: int, length: int) -> memoryview:
        start = place * self._size
        return memoryview(self._memory)[start : start + length]
