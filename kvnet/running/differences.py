"""What differs between two objects of a spec, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from kvnet.errors import FieldPath
from kvnet.spec import BINDINGS, SOURCES
from kvnet.spec.wire import json_name

__all__ = ["Difference", "differences"]

_MEMBERS: dict[str, Mapping[str, type]] = {"bindings": BINDINGS, "sources": SOURCES}
_POINTERS = frozenset({"boot_order", "claim_name", "request_name"})


@attrs.frozen
class Difference:
    """A field that is ``was`` in one object and ``now`` in the other; ``None`` is absent."""

    at: FieldPath
    was: Any
    now: Any


def differences(was: Any, now: Any, at: FieldPath, *, ignored: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Each field that differs between two objects of one class, but the ignored ones.

    Equal is what is equal to Go: an absent text, number or boolean is empty, 0 or false, except where KubeVirt's API
    has a pointer; a list that is absent differs from an empty one. Bindings and sources have no order.
    """
    for field in attrs.fields(type(was)):
        old, new = getattr(was, field.name), getattr(now, field.name)
        if field.name in ignored:
            continue
        if field.name in _MEMBERS:
            yield from _member_differences(_members(field.name, old), _members(field.name, new), at, ignored)
        elif _essence(old, field.name) != _essence(new, field.name):
            yield Difference(at / json_name(field), old, new)


def _members(field: str, given: tuple[Any, ...]) -> dict[str, Any]:
    names = {cls: name for name, cls in _MEMBERS[field].items()}
    return {names[type(each)]: each for each in given}


def _member_differences(
    was: Mapping[str, Any], now: Mapping[str, Any], at: FieldPath, ignored: tuple[str, ...]
) -> Iterator[Difference]:
    if was.keys() != now.keys():
        yield Difference(at, " and ".join(was) or None, " and ".join(now) or None)
        return
    for name, old in was.items():
        yield from differences(old, now[name], at / name, ignored=ignored)


def _essence(value: Any, name: str = "") -> Any:
    """A value in which what Go does not tell apart is equal."""
    if isinstance(value, tuple):
        return tuple(map(_essence, value))
    if attrs.has(type(value)):
        return tuple(_essence(getattr(value, field.name), field.name) for field in attrs.fields(type(value)))
    return None if value in ("", 0) and name not in _POINTERS else value
