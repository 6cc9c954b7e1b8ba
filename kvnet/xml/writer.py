"""declaration → plan → generated writers: text, in libvirt's child order, with its quotes.

An object holds what was given and nothing else, so each class has a writer for every set of fields that occurs.
Fleets have few such sets; each writer is generated when the first object of its kind is met.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvnet.xml.declare import Unread
from kvnet.xml.shape import Write, shape_writer

__all__ = ["COMPACT", "INDENTED", "writer", "writers"]

_ORDERS = 4096


def writer(cls: type, indented: bool) -> Write:
    """The writer of a class: ``write(o)``, or ``write(o, nl)`` with line break and indent."""
    shapes = writers(cls, indented)

    def write(o: Any, *nl: str) -> str:
        held = o.__dict__
        return shapes[tuple(held)](held, *nl)

    return write


def writers(cls: type, indented: bool) -> Mapping[tuple[str, ...], Write]:
    """The writers of a class by the fields that an object holds, whichever; each takes the object's ``__dict__``."""
    return (INDENTED if indented else COMPACT)[cls]


class _Shapes(dict[tuple[str, ...], Write]):
    """Fields may be held in any order, of which few occur."""

    def __init__(self, cls: type, indented: bool) -> None:
        super().__init__()
        self._cls = cls
        self._indented = indented
        self._made: dict[frozenset[str], Write] = {}

    def __missing__(self, fields: tuple[str, ...]) -> Write:
        return self._first

    def _first(self, held: dict[str, Any], *nl: str) -> str:
        """Write the first object of a shape."""
        shape = frozenset(held)
        if len(self._made) >= _ORDERS:
            self._made.clear()
        if shape not in self._made:
            self._made[shape] = self._generated(held)
        if len(self) >= _ORDERS:
            self.clear()
        made = self[tuple(held)] = self._made[shape]
        return made(held, *nl)

    def _generated(self, held: dict[str, Any]) -> Write:
        if self._cls is Unread:
            return _unread
        return shape_writer(self._cls, held, self._indented, lambda cls: writers(cls, self._indented))


def _unread(held: dict[str, Any], nl: str = "") -> str:
    return f"{nl}{held['xml']}" if held["xml"] else ""


class _Classes(dict[type, _Shapes]):
    def __init__(self, indented: bool) -> None:
        super().__init__()
        self._indented = indented

    def __missing__(self, cls: type) -> _Shapes:
        self[cls] = _Shapes(cls, self._indented)
        return self[cls]


COMPACT = _Classes(False)
INDENTED = _Classes(True)
"""All that were generated so far."""
