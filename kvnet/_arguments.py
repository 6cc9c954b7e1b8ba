"""Check the arguments of public functions: one of another kind is a TypeError that says what to give instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

__all__ = ["checked", "checked_items", "refusal"]

T = TypeVar("T")
_NO_HINTS: Mapping[str, str] = {}


def checked(
    value: T, kinds: type | tuple[type, ...], wanted: str, hint: str, hints: Mapping[str, str] = _NO_HINTS
) -> T:
    """The value, where it is of one of the kinds.

    Raises TypeError where it is not: it says what is ``wanted``, and ends with the ``hint``, or with the one in
    ``hints`` for the name of the value's class.
    """
    if not isinstance(value, kinds):
        raise refusal(value, wanted, hint, hints)
    return value


def checked_items(values: Any, wanted: str, hint: str, hints: Mapping[str, str] = _NO_HINTS) -> tuple[Any, ...]:
    """The items of a sequence. Raises TypeError, as ``checked`` does, also for text and mappings."""
    if type(values) is tuple:
        return values
    if isinstance(values, str | bytes | bytearray | Mapping) or not isinstance(values, Iterable):
        raise refusal(values, wanted, hint, hints)
    return tuple(values)


def refusal(value: object, wanted: str, hint: str, hints: Mapping[str, str] = _NO_HINTS) -> TypeError:
    """The error for an argument of another kind."""
    given = type(value).__name__
    return TypeError(f"{wanted} is wanted, not {given}: {hints.get(given, hint)}")
