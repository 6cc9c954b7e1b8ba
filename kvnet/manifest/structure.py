"""Plain data becomes spec objects, and back: a cattrs converter that knows KubeVirt's names and strictness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import attrs
import cattrs

from kvnet.manifest.layout import INT64, AtMost, Quantity, Rewritten, item_type, layout
from kvnet.manifest.plain_data import plain_data
from kvnet.manifest.scalars import Unfit
from kvnet.spec import Devices, Domain
from kvnet.spec.wire import REST, Bits

__all__ = ["converter"]

_Read = Callable[[Any, Any], Any]

_ALWAYS_WRITTEN = (Domain, Devices)
"""Objects that KubeVirt requires, empty or not."""


def _text(value: Any, _: Any) -> str:
    if type(value) is not str:
        raise Unfit
    return value


def _flag(value: Any, _: Any) -> bool:
    if type(value) is not bool:
        raise Unfit
    return value


def _anything(value: Any, _: Any) -> Any:
    return value


def _quantity(value: Any, _: Any) -> Any:
    if type(value) is float:
        return repr(value)
    if type(value) is not str and type(value) is not int:
        raise Unfit
    return value


def _whole_number(bits: Bits) -> _Read:
    low, high = bits.low, bits.high

    def read(value: Any, _: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise Unfit
        return value

    return read


def _annotated(kind: Any) -> _Read:
    if kind is Quantity:
        return _quantity
    base, mark, *_ = get_args(kind)
    if isinstance(mark, Bits):
        return _whole_number(mark)
    inner = converter.get_structure_hook(base)
    if isinstance(mark, Rewritten):
        return lambda value, _: mark.by(inner(value, base))
    if isinstance(mark, AtMost):
        return lambda value, _: _at_most(mark.items, inner(value, base))
    raise TypeError(f"unknown annotation {mark!r}")


def _at_most(limit: int, items: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(items) > limit:
        raise Unfit
    return items


def _list(kind: Any) -> _Read:
    item = item_type(kind)
    read_item = converter.get_structure_hook(item)

    def read(value: Any, _: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise Unfit
        return tuple([read_item(each, item) for each in value])

    return read


def _table(kind: Any) -> _Read:
    item = item_type(kind)
    read_item = _anything if item is Any else converter.get_structure_hook(item)

    def read(value: Any, _: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Unfit
        return {key: read_item(each, item) for key, each in value.items() if each is not None or item is Any}

    return read


def _record(cls: type) -> _Read:
    shape = layout(cls)
    fields = {
        key: (member.attribute, converter.get_structure_hook(member.type), member.type)
        for key, member in shape.members.items()
    }
    variants = shape.variant.members if shape.variant else {}
    choices = {key: (converter.get_structure_hook(each), each) for key, each in variants.items()}
    folded = frozenset(key.lower() for key in shape.keys)
    is_open = shape.is_open

    def read(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise Unfit
        known: dict[str, Any] = {}
        chosen: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for key, each in value.items():
            if key in fields:
                if each is not None:
                    attribute, hook, kind = fields[key]
                    known[attribute] = hook(each, kind)
            elif key in choices:
                if each is not None:
                    hook, kind = choices[key]
                    chosen[key] = hook(each, kind)
            elif not is_open or key.lower() in folded:
                raise Unfit
            else:
                rest[key] = each
        if rest:
            known[REST] = rest
        if chosen and shape.variant:
            known[shape.variant.attribute] = tuple([chosen[key] for key in choices if key in chosen])
        try:
            return cls(**known)
        except TypeError as error:
            raise Unfit from error

    return read


def _write_record(cls: type) -> Callable[[Any], dict[str, Any]]:
    shape = layout(cls)
    names = {kind: key for key, kind in shape.variant.members.items()} if shape.variant else {}
    position = 1 if shape.variant else 0

    def write(value: Any) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, member in shape.members.items():
            each = getattr(value, member.attribute)
            if _is_written(each, member.default):
                data[key] = _written(each)
        if shape.variant:
            chosen = {names[type(each)]: _written(each) for each in getattr(value, shape.variant.attribute)}
            pairs = list(data.items())
            data = {**dict(pairs[:position]), **chosen, **dict(pairs[position:])}
        for key, each in plain_data(getattr(value, REST, {})).items():
            data.setdefault(key, each)
        return data

    return write


def _is_written(value: Any, default: Any) -> bool:
    if value is None:
        return False
    return isinstance(value, _ALWAYS_WRITTEN) or bool(value) or value != default


def _written(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_written(each) for each in value]
    return converter.unstructure(value) if attrs.has(type(value)) else plain_data(value)


def _is(origin: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


converter = cattrs.Converter(detailed_validation=False)
"""Structures optimistically: it raises Unfit at the first fault, for ``diagnose`` to explain."""

converter.register_structure_hook(str, _text)
converter.register_structure_hook(bool, _flag)
converter.register_structure_hook(int, _whole_number(INT64))
converter.register_structure_hook_func(lambda kind: kind is Any, _anything)
converter.register_structure_hook_factory(_is(tuple), _list)
converter.register_structure_hook_factory(_is(Mapping), _table)
converter.register_structure_hook_factory(_is(Annotated), _annotated)
converter.register_structure_hook_factory(attrs.has, _record)
converter.register_unstructure_hook_factory(attrs.has, _write_record)
