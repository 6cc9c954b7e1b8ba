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
from kvnet.spec.wire import REST, Bits, json_name
from kvnet.values import quantity_ceil
from kvnet.xml.generate import function

__all__ = ["reader"]

Read = Callable[[Any], Any]
_MOST_SHAPES = 512
_LONGEST_KEYS = 4096


class _Entry(NamedTuple):
    """Where the value of a key goes: a value of just ``kind`` as it is, any other through ``read``.

    ``shapes`` read an object of a class that needs nothing more; an empty mapping becomes ``nothing``, an object
    without fields.
    """

    field: str
    kind: type | None
    read: Read
    shapes: _Shapes | None = None
    nothing: Any = None


@cache
def reader(cls: Any) -> Read:
    """The reader of a class; it raises Unfit, or what its values raise, where anything is wrong."""
    shapes = _shapes(cls)
    sanitize = SANITIZED.get(cls)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise Unfit
        return shapes[tuple(value)](value)

    return read if sanitize is None else lambda value: sanitize(read(value))


@cache
def _shapes(cls: Any) -> _Shapes:
    return _Shapes(cls)


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
        } | {key: _member(cls) for key, cls in members.items()}

    def __missing__(self, keys: tuple[str, ...]) -> Read:
        if sum(map(len, keys)) > _LONGEST_KEYS:
            raise Unfit
        if len(self) >= _MOST_SHAPES:
            self.clear()
        self[keys] = self._generated(keys)
        return self[keys]

    def _again(self, value: dict[str, Any]) -> Any:
        """Read an object that something is wrong with: null is as good as nothing."""
        given = {key: each for key, each in value.items() if each is not None}
        if len(given) == len(value):
            raise Unfit
        return self[tuple(given)](given)

    def _generated(self, keys: tuple[str, ...]) -> Read:
        """Code that checks each value and makes the object, its fields as ``__init__`` would set them."""
        names: dict[str, Any] = {
            "again": self._again,
            "unfit": _unfit,
            "cls": self._cls,
            "new": object.__new__,
            "put": object.__setattr__,
        }
        held: dict[str, str] = {}
        members: dict[str, str] = {}
        rest: list[str] = []
        checks: list[str] = []
        for n, key in enumerate(keys):
            entry = self._entries.get(key)
            if entry is None:
                rest.append(f"{key!r}: v{n}")
                checks.append(f"v{n} is None")
                continue
            check, names[f"of{n}"], value = _code(entry, n)
            checks.append(check)
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
        for name in self._fields.keys() - held.keys():
            default = self._fields[name].default
            is_made = isinstance(default, attrs.Factory)  # type: ignore[arg-type]
            checks += ["True"] if default is attrs.NOTHING else []
            names[f"default_{name}"] = default.factory if is_made else default
            held[name] = f"default_{name}{'()' if is_made else ''}"
        whole = ", ".join(f"{name!r}: {held[name]}" for name in self._fields)
        lines = [
            "def read(value):",
            f"    {', '.join(f'v{n}' for n in range(len(keys)))}, = value.values()" if keys else "    pass",
            f"    if {' or '.join(checks) or 'False'}: return again(value)",
            "    made = new(cls)",
            f"    put(made, '__dict__', {{{whole}}})",
            "    return made",
        ]
        return function("read", lines, names, f"read {self._cls.__name__} by keys {len(self)}")


def _code(entry: _Entry, n: int) -> tuple[str, Any, str]:
    """Code that is true where the value ``vN`` will not do, what it uses as ``ofN``, and code for what it becomes."""
    value, used = f"v{n}", f"of{n}"
    if entry.kind is not None:
        return f"type({value}) is not {entry.kind.__name__}", None, value
    if entry.nothing is not None:
        return f"{value} != {{}}", entry.nothing, used
    if entry.shapes is not None:
        return f"type({value}) is not dict", entry.shapes, f"{used}[tuple({value})]({value})"
    return f"{value} is None", entry.read, f"{used}({value})"


def _member(cls: Any) -> _Entry:
    return _Entry("", None, reader(cls), _plain_shapes(cls), None if attrs.fields(cls) else cls())


def _plain_shapes(cls: Any) -> _Shapes | None:
    return _shapes(cls) if attrs.has(cls) and cls not in SANITIZED else None


def _entry(field: str, kind: Any) -> _Entry:
    alternatives = set(get_args(kind)) - {NoneType} if get_origin(kind) in (Union, UnionType) else {kind}
    if alternatives == {str, int}:
        return _Entry(field, None, _quantity)
    (kind,) = alternatives
    if kind in (str, bool):
        return _Entry(field, kind, _unfit)
    return _Entry(field, None, _read_of(kind), _plain_shapes(kind))


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
