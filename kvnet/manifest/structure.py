"""Plain data ⇄ spec classes, with cattrs: carefully, to tell everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from kvnet import spec
from kvnet.manifest.sanitize import sanitized_cidr, sanitized_ip
from kvnet.spec.wire import REST, Bits, json_name
from kvnet.values import quantity_ceil

__all__ = ["FOLDED", "LONGEST", "SANITIZED", "Flaw", "Misfit", "structure", "unstructure"]

T = TypeVar("T")

# What cattrs finds folded members and the rest under: never the name of a field, so that none can be taken for one.
_INNER_KEY = "({})"
LONGEST = 256
"""Entries that KubeVirt lets a list of interfaces or networks have."""
FOLDED: dict[type, tuple[str, Mapping[str, type]]] = {
    spec.Interface: ("bindings", spec.BINDINGS),
    spec.Network: ("sources", spec.SOURCES),
}
"""Classes of which a field holds members of the JSON object itself: its name, and the class of each member."""
_CLASSES: tuple[type, ...] = (
    *spec.BINDINGS.values(),
    *spec.SOURCES.values(),
    spec.PrivateOption,
    spec.DhcpOptions,
    spec.Port,
    spec.PortRange,
    spec.Interface,
    spec.Network,
    spec.Cpu,
    spec.Resources,
    spec.Disk,
    spec.Devices,
    spec.MachineType,
    spec.Memory,
    spec.Firmware,
    spec.LaunchSecurity,
    spec.Domain,
    spec.PodResourceClaim,
    spec.VmiSpec,
    spec.InterfaceStatus,
    spec.Condition,
    spec.Status,
)


class Misfit(ValueError):
    """A value that its field cannot hold: ``wanted`` says what can; ``inner`` leads to it inside a mapping."""

    def __init__(self, value: Any, wanted: str, *, out_of_range: bool = False, too_many: bool = False) -> None:
        super().__init__(value, wanted)
        self.value = value
        self.inner: tuple[str, ...] = ()
        self.wanted = wanted
        self.out_of_range = out_of_range
        self.too_many = too_many


Flaw = tuple[tuple[str | int, ...], type, Exception]
"""The path of something wrong, the class around it, and what is wrong."""


def structure(data: Any, cls: type[T]) -> tuple[T | None, list[Flaw]]:
    """The object of a spec class, or everything that is wrong with the data."""
    try:
        return _converter().structure(data, cls), []
    except BaseValidationError as error:
        return None, list(_flaws(error, (), cls))
    except Exception as error:
        return None, [(_inner(error), cls, error)]


def _inner(flaw: BaseException) -> tuple[str, ...]:
    return flaw.inner if isinstance(flaw, Misfit) else ()


def _flaws(error: BaseValidationError, at: tuple[str | int, ...], cls: type) -> Iterator[Flaw]:
    cls = error.cl if isinstance(error, ClassValidationError) and error.cl is not None else cls
    for inner in error.exceptions:
        path = at + _step(inner, cls)
        if isinstance(inner, BaseValidationError):
            yield from _flaws(inner, path, cls)
        else:
            yield path + _inner(inner), cls, inner


def _step(error: BaseException, cls: type) -> tuple[str | int, ...]:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, IterableValidationNote):
            return (note.index,)
        if isinstance(note, AttributeValidationNote):
            if note.name in ("bindings", "sources"):
                return ()
            field = attrs.fields_dict(cls).get(note.name) if attrs.has(cls) else None
            return (json_name(field) if field is not None else note.name,)
    return ()


@cache
def _converter() -> Converter:
    converter = Converter(detailed_validation=True, prefer_attrib_converters=False)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook_factory(_is_bits, _bits_hook)
    converter.register_structure_hook_factory(_is_mapping, lambda _: _mapping)
    converter.register_structure_hook_factory(_is_tuple, lambda kind: _tuple_hook(kind, converter))
    converter.register_structure_hook_factory(_is_text_or_number, lambda _: _text_or_number)
    for cls in _CLASSES:
        converter.register_structure_hook(cls, _class_hook(cls, converter))
    return converter


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    wanted = {str: "text", int: "a whole number", bool: "true or false"}[kind]

    def hook(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise Misfit(value, wanted)
        return value

    return hook


def _is_bits(kind: Any) -> bool:
    return get_origin(kind) is Annotated and isinstance(get_args(kind)[1], Bits)


def _bits_hook(kind: Any) -> Callable[[Any, Any], int]:
    bits: Bits = get_args(kind)[1]

    def hook(value: Any, _: Any) -> int:
        if type(value) is not int:
            raise Misfit(value, "a whole number")
        if not bits.low <= value <= bits.high:
            raise Misfit(value, f"between {bits.low} and {bits.high}", out_of_range=True)
        return value

    return hook


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is get_origin(Mapping[str, Any])


def _mapping(value: Any, _: Any) -> Any:
    if not isinstance(value, Mapping):
        raise Misfit(value, "a mapping")
    return value


def _is_text_or_number(kind: Any) -> bool:
    return isinstance(kind, UnionType) and set(get_args(kind)) - {type(None)} == {str, int}


def _text_or_number(value: Any, _: Any) -> Any:
    _quantity(value)
    return value


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _tuple_hook(kind: Any, converter: Converter) -> Callable[[Any, Any], tuple[Any, ...]]:
    item = get_args(kind)[0]
    folded = next((table for _, table in FOLDED.values() if set(table.values()) == set(_members(item))), None)
    if folded is not None:
        return lambda members, _: _fold(members, folded, converter)
    hook = converter.get_structure_hook(item)
    bounded = item in FOLDED

    def structured(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise Misfit(value, "a list")
        if bounded and len(value) > LONGEST:
            raise Misfit(value, f"at most {LONGEST} entries", too_many=True)
        return _collected(
            kind, ((IterableValidationNote("", n, item), hook, each, item) for n, each in enumerate(value))
        )

    return structured


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _fold(members: Mapping[str, Any], table: Mapping[str, type], converter: Converter) -> tuple[Any, ...]:
    steps = (
        (AttributeValidationNote("", member, table[member]), converter.structure, value, table[member])
        for member, value in members.items()
    )
    return _collected(tuple, steps)


def _collected(kind: Any, steps: Any) -> tuple[Any, ...]:
    made, errors = [], []
    for note, hook, value, item in steps:
        try:
            made.append(hook(value, item))
        except Exception as error:
            error.__notes__ = [*getattr(error, "__notes__", ()), note]
            errors.append(error)
    if errors:
        raise IterableValidationError("", errors, kind)
    return tuple(made)


def _class_hook(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    fields = attrs.fields(cls)
    names = {field.name: json_name(field) for field in fields}
    is_open = REST in names
    member_field, members = FOLDED.get(cls, ("", {}))
    inner = {name: _INNER_KEY.format(name) for name in (REST, member_field) if name in names}
    known = frozenset(key for name, key in names.items() if name not in inner)
    names |= inner
    renames: Any = {name: override(rename=key) for name, key in names.items()}
    generated = make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, **renames
    )
    sanitize = SANITIZED.get(cls)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Misfit(value, "a mapping")
        data = {key: each for key, each in value.items() if each is not None}
        if members:
            folded = {key: data.pop(key) for key in members if key in data}
            data[inner[member_field]] = folded
        if is_open and not data.keys() <= known:
            rest = {key: data.pop(key) for key in list(data) if key not in known}
            data[inner[REST]] = rest
        made = generated(data, cls)
        return sanitize(made) if sanitize else made

    return hook


def _sanitized_pod(pod: spec.Pod) -> spec.Pod:
    return attrs.evolve(pod, vm_network_cidr=sanitized_cidr(pod.vm_network_cidr)) if pod.vm_network_cidr else pod


def _sanitized_dhcp(options: spec.DhcpOptions) -> spec.DhcpOptions:
    servers = tuple(sanitized_ip(server) for server in options.ntp_servers)
    return attrs.evolve(options, ntp_servers=servers) if servers else options


def _quantities(resources: spec.Resources) -> spec.Resources:
    flaws = []
    for member, quantities in (("requests", resources.requests), ("limits", resources.limits)):
        for name in ("cpu", "memory"):
            try:
                _quantity(quantities.get(name, "0"))
            except Misfit as flaw:
                flaw.inner = (member, name)
                flaws.append(flaw)
    if flaws:
        raise IterableValidationError("", flaws, spec.Resources)
    return resources


def _quantity(value: Any) -> None:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        quantity_ceil(str(value))
    except ValueError:
        raise Misfit(value, "a quantity such as 2, 500m or 1Gi") from None


SANITIZED: dict[type, Callable[[Any], Any]] = {
    spec.Pod: _sanitized_pod,
    spec.DhcpOptions: _sanitized_dhcp,
    spec.Resources: _quantities,
}


def unstructure(value: Any) -> Any:
    """The plain data of a spec object, in KubeVirt's JSON names; what is absent or empty is left out."""
    if isinstance(value, tuple):
        return [unstructure(each) for each in value]
    if not attrs.has(type(value)):
        return value
    data: dict[str, Any] = {}
    for field in attrs.fields(type(value)):
        each = getattr(value, field.name)
        if field.name == REST or each is None or (each in ((), {}) and field.default is not None):
            continue
        table = FOLDED.get(type(value), ("", {}))
        if field.name == table[0]:
            members = {cls: member for member, cls in table[1].items()}
            data |= {members[type(item)]: unstructure(item) for item in each}
        else:
            data[json_name(field)] = unstructure(each)
    return data | dict(getattr(value, REST, {}))
