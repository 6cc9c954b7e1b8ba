"""How the spec classes lie in KubeVirt's JSON: which key holds which attribute, of which type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from kvnet.manifest.canonical import canonical_cidr, canonical_ip
from kvnet.spec import (
    BINDINGS,
    SOURCES,
    Devices,
    DhcpOptions,
    Interface,
    Memory,
    Network,
    Pod,
    Resources,
    VmiSpec,
)
from kvnet.spec.wire import REST, Bits, json_name

__all__ = ["INT64", "AtMost", "Layout", "Member", "Quantity", "Rewritten", "Variant", "item_type", "layout"]

INT64 = Bits(-(2**63), 2**63 - 1)
"""Go's ``int``, the width of an ``int`` that declares none."""


@frozen
class AtMost:
    """Annotates a list: how many items KubeVirt's CRD allows."""

    items: int


@frozen
class Rewritten:
    """Annotates a text: what KubeVirt makes of it while decoding."""

    by: Callable[[str], str]


class _Quantity:
    """Annotates a Kubernetes quantity: text or a number."""


Quantity = Annotated[Any, _Quantity]

_REFINED: Mapping[tuple[type, str], Any] = {
    (Pod, "vm_network_cidr"): Annotated[str, Rewritten(canonical_cidr)],
    (DhcpOptions, "ntp_servers"): tuple[Annotated[str, Rewritten(canonical_ip)], ...],
    (Devices, "interfaces"): Annotated[tuple[Interface, ...], AtMost(256)],
    (VmiSpec, "networks"): Annotated[tuple[Network, ...], AtMost(256)],
    (Resources, "requests"): Mapping[str, Quantity],
    (Resources, "limits"): Mapping[str, Quantity],
    (Memory, "guest"): Quantity,
}
"""Fields whose JSON is bound by more than their Python type says."""


@frozen
class Variant:
    """An attribute that is spread over members of the object, one for each class."""

    attribute: str
    members: Mapping[str, type]


_VARIANTS: Mapping[type, Variant] = {
    Interface: Variant("bindings", BINDINGS),
    Network: Variant("sources", SOURCES),
}


@frozen
class Member:
    """One key of an object: the attribute it fills, the type of its value, whether it must be there."""

    attribute: str
    type: Any
    required: bool
    default: Any


@frozen
class Layout:
    """The JSON object of a spec class. An open one keeps keys it does not know in ``rest``."""

    members: Mapping[str, Member]
    variant: Variant | None
    is_open: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that the object can have."""
        return (*self.members, *(self.variant.members if self.variant else ()))


@cache
def layout(cls: type) -> Layout:
    """The layout of a spec class, made once."""
    hints = get_type_hints(cls, include_extras=True)
    variant = _VARIANTS.get(cls)
    fields = attrs.fields_dict(cls)
    spread = variant.attribute if variant else None
    members = {
        json_name(field): Member(name, _REFINED.get((cls, name), _present(hints[name])), *_default(field))
        for name, field in fields.items()
        if name not in (REST, spread)
    }
    return Layout(members, variant, REST in fields)


def item_type(kind: Any) -> Any:
    """The type of the items of ``tuple[X, ...]`` or of the values of ``Mapping[str, X]``."""
    args = get_args(kind)
    return args[0] if get_origin(kind) is tuple else args[1]


def _default(field: attrs.Attribute[Any]) -> tuple[bool, Any]:
    default = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return False, default.factory()
    return default is attrs.NOTHING, default


def _present(kind: Any) -> Any:
    """The type without ``None``, which stands for absence."""
    if get_origin(kind) not in (Union, UnionType):
        return kind
    rest = [each for each in get_args(kind) if each is not NoneType]
    return rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007
