"""Plain data → spec objects where all is well: generated code for each set of keys that occurs.

What is not well is only noticed here; ``structure`` then tells what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import attrs

from kvnet.manifest.scalars import Unfit
from kvnet.manifest.structure import FOLDED, LONGEST, SANITIZED
from kvnet.source import function
from kvnet.spec.wire import REST, Bits, json_name
from kvnet.values import quantity_ceil

__all__ = ["reader"]

Read = Callable[[Any], Any]
_MOST_SHAPES = 512


class _Entry(NamedTuple):
    """Where the value of a key goes: a value of just ``kind`` as it is, any other through ``read``.

    An empty mapping becomes ``nothing``, which is an object without fields.
    """

    field: str
    kind: type | None
    read: Read
    nothing: Any = None


@cache
def reader(cls: Any) -> Read:
    """The reader of a class; it raises Unfit, or what its values raise, where anything is wrong."""
    shapes = _Shapes(cls)
    sanitize = SANITIZED.get(cls)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise Unfit
        try:
            return shapes[tuple(value)](value)
        except Unfit:
            given = {key: each for key, each in value.items() if each is not None}
            if len(given) == len(value):
                raise
            return shapes[tuple(given)](given)

    return read if sanitize is None else lambda value: sanitize(read(value))


class _Shapes(dict[tuple[str, ...], Read]):
    """The generated readers of a class, by the keys of an object in their order; few of them occur."""

    def __init__(self, cls: Any) -> None:
        super().__init__()
        types = get_type_hints(cls, include_extras=True)
        folded, members = FOLDED.get(cls, ("", {}))
        self._cls = cls
        self._folded = folded
        self._is_open = REST in types
        self._fields = {each.name: each for each in attrs.fields(cls)}
        self._entries = {
            json_name(each): _entry(name, types[name])
            for name, each in self._fields.items()
            if name not in (folded, REST)
        } | {
            key: _Entry("", None, reader(member), None if attrs.fields(member) else member())
            for key, member in members.items()
        }

    def __missing__(self, keys: tuple[str, ...]) -> Read:
        if len(self) >= _MOST_SHAPES:
            raise Unfit
        self[keys] = self._generated(keys)
        return self[keys]

    def _generated(self, keys: tuple[str, ...]) -> Read:
        """Code that checks each value and makes the object, its fields as ``__init__`` would set them."""
        names: dict[str, Any] = {"Unfit": Unfit, "cls": self._cls, "new": object.__new__, "put": object.__setattr__}
        held: dict[str, str] = {}
        members: dict[str, str] = {}
        rest: list[str] = []
        checks: list[str] = []
        for n, key in enumerate(keys):
            entry = self._entries.get(key)
            if entry is None:
                rest.append(f"{key!r}: v{n}")
                continue
            value = f"v{n}"
            if entry.nothing is not None:
                checks.append(f"v{n} != {{}}")
                names[f"nothing{n}"] = entry.nothing
                value = f"nothing{n}"
            elif entry.kind is not None:
                checks.append(f"type(v{n}) is not {entry.kind.__name__}")
            else:
                names[f"read{n}"] = entry.read
                value = f"read{n}(v{n})"
            if entry.field:
                held[entry.field] = value
            else:
                members[key] = value
        if self._folded:
            held[self._folded] = f"({''.join(f'{members[key]}, ' for key in self._entries if key in members)})"
        if self._is_open:
            held[REST] = f"{{{', '.join(rest)}}}"
        elif rest:
            checks.append("True")
        for name, field in self._fields.items():
            if name in held:
                continue
            if field.default is attrs.NOTHING:
                checks.append("True")
            names[f"default_{name}"] = field.default
            is_made = isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]
            held[name] = f"default_{name}.factory()" if is_made else f"default_{name}"
        whole = ", ".join(f"{name!r}: {held[name]}" for name in self._fields)
        lines = [
            "def read(value):",
            f"    {', '.join(f'v{n}' for n in range(len(keys)))}, = value.values()" if keys else "    pass",
            f"    if {' or '.join(checks) or 'False'}: raise Unfit",
            "    made = new(cls)",
            f"    put(made, '__dict__', {{{whole}}})",
            "    return made",
        ]
        return function("read", lines, names, f"read {self._cls.__name__} of {' '.join(keys) or 'nothing'}")


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
