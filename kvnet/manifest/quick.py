"""Plain data → spec objects where all is well: a table and a loop for each class.

What is not well is only noticed here; ``structure`` then tells what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import attrs

from kvnet.manifest.scalars import Unfit
from kvnet.manifest.structure import FOLDED, LONGEST, SANITIZED
from kvnet.spec.wire import REST, Bits, json_name
from kvnet.values import quantity_ceil

__all__ = ["reader"]

Read = Callable[[Any], Any]


class _Entry(NamedTuple):
    """Where the value of a key goes: a value of just ``kind`` as it is, any other through ``read``."""

    field: str
    kind: type | None
    read: Read


@cache
def reader(cls: Any) -> Read:
    """The reader of a class; it raises Unfit, or what its values raise, where anything is wrong."""
    types = get_type_hints(cls, include_extras=True)
    folded, members = FOLDED.get(cls, ("", {}))
    fields = [each for each in attrs.fields(cls) if each.name not in (folded, REST)]
    table = {json_name(each): _entry(each.name, types[each.name]) for each in fields}
    table |= {key: _Entry("", None, reader(member)) for key, member in members.items()}
    if not types:
        nothing = cls()
        return lambda value: nothing if value == {} else _unfit(value)
    read = _of_members(cls, table, folded) if folded else _of_fields(cls, table, is_open=REST in types)
    sanitize = SANITIZED.get(cls)
    return read if sanitize is None else lambda value: sanitize(read(value))


def _of_fields(cls: type, table: Mapping[str, _Entry], *, is_open: bool) -> Read:
    find, make = table.get, _maker(cls)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise Unfit
        held: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for key, each in value.items():
            if each is None:
                continue
            entry = find(key)
            if entry is None:
                rest[key] = each
                continue
            field, kind, convert = entry
            held[field] = each if type(each) is kind else convert(each)
        if is_open:
            held[REST] = rest
        elif rest:
            raise Unfit
        return make(held)

    return read


def _of_members(cls: type, table: Mapping[str, _Entry], folded: str) -> Read:
    find, make = table.__getitem__, _maker(cls)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise Unfit
        held: dict[str, Any] = {}
        members: dict[str, Any] = {}
        for key, each in value.items():
            if each is None:
                continue
            field, kind, convert = find(key)
            if type(each) is kind:
                held[field] = each
            elif field:
                held[field] = convert(each)
            else:
                members[key] = convert(each)
        if len(members) > 1:
            members = {key: members[key] for key in table if key in members}
        held[folded] = tuple(members.values())
        return make(held)

    return read


def _maker(cls: Any) -> Callable[[dict[str, Any]], Any]:
    """Makes an object of values that are right, without the cost of passing each to ``__init__``."""
    new: Callable[[type], Any] = object.__new__
    fields = attrs.fields(cls)
    assert not any(each.validator for each in fields)
    required = [each.name for each in fields if each.default is attrs.NOTHING]
    fixed = {each.name: each.default for each in fields if not isinstance(each.default, attrs.Factory)}  # type: ignore[arg-type]
    made_anew = [(each.name, each.default.factory) for each in fields if each.name not in fixed]
    defaults = {name: value for name, value in fixed.items() if name not in required}

    def make(held: dict[str, Any]) -> Any:
        for name in required:
            if name not in held:
                raise Unfit
        made = new(cls)
        fields = made.__dict__
        fields.update(defaults)
        fields.update(held)
        for name, factory in made_anew:
            if name not in held:
                fields[name] = factory()
        return made

    return make


def _entry(field: str, kind: Any) -> _Entry:
    alternatives = set(get_args(kind)) - {NoneType} if get_origin(kind) in (Union, UnionType) else {kind}
    if alternatives == {str, int}:
        return _Entry(field, None, _quantity)
    (kind,) = alternatives
    if kind in (str, bool):
        return _Entry(field, kind, _unfit)
    return _Entry(field, None, _read_of(kind))


def _read_of(kind: Any) -> Read:
    if kind in (str, bool, int):
        return lambda value: value if type(value) is kind else _unfit(value)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _whole(arguments[1])
    if origin is tuple:
        return _listed(arguments[0])
    return reader(kind) if attrs.has(kind) else _mapping


def _unfit(_: Any) -> Any:
    raise Unfit


def _mapping(value: Any) -> Any:
    return value if type(value) is dict else _unfit(value)


def _quantity(value: Any) -> Any:
    if type(value) not in (str, int, float):
        raise Unfit
    quantity_ceil(str(value))
    return value


def _whole(bits: Bits) -> Read:
    low, high = bits.low, bits.high
    return lambda value: value if type(value) is int and low <= value <= high else _unfit(value)


def _listed(item: Any) -> Read:
    read = _read_of(item)
    longest = LONGEST if item in FOLDED else None

    def listed(value: Any) -> Any:
        if type(value) not in (list, tuple) or (longest and len(value) > longest):
            raise Unfit
        return tuple([read(each) for each in value])

    return listed
