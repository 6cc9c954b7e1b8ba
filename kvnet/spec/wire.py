"""How attrs classes meet JSON: the names of fields, the widths of integers, and unknown members that are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final, Protocol

import attrs

from kvnet.errors import FieldPath, Place
from kvnet.values import ARCHITECTURES, NODE_ARCHITECTURES, ip_of, quantity_ceil, quantity_text, release

__all__ = [
    "REST",
    "Architecture",
    "Between",
    "BriefRepr",
    "CidrText",
    "Int32",
    "Int64",
    "IpText",
    "Lenient",
    "Origin",
    "Parsed",
    "Plain",
    "Plains",
    "Quantity",
    "Release",
    "Rest",
    "Tagged",
    "UInt31",
    "UInt32",
    "default_of",
    "entries",
    "factory_of",
    "is_required",
    "json_name",
    "kept_of",
    "mapping",
    "member",
    "members",
    "members_of",
    "named",
    "required",
    "rest",
    "text",
]

REST: Final = "rest"
"""The name of the field that keeps unknown members of a JSON object."""
_NAME = "kvnet.json"
_MEMBERS = "kvnet.members"
_REQUIRED = "kvnet.required"
_KEPT = "kvnet.kept"
_ARCHITECTURE = f"{', '.join(ARCHITECTURES[:-1])} or {ARCHITECTURES[-1]}"
_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F])0+(?=[0-9a-fA-F])")
_MAPPED_BITS = 96
"""How many bits of an IPv4-mapped IPv6 address stand before the IPv4 address."""


class BriefRepr:
    """Shows in its repr only the fields that differ from their defaults."""

    def __repr__(self) -> str:
        given = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in attrs.fields(type(self))  # type: ignore[arg-type]
            if field.repr and getattr(self, field.name) != default_of(field)
        ]
        return f"{type(self).__name__}({', '.join(given)})"


class Origin(Protocol):
    """Finds the fields of one object in the text it was read from."""

    def place(self, path: FieldPath, *, key: bool = False, offset: int | None = None) -> Place:
        """The position of the field's value (of its key, if asked), or of the nearest enclosing one written.

        With ``offset``, that of a character of its text.
        """

    def __hash__(self) -> int:
        """Origins are values, by which places are remembered."""


class Lenient:
    """A class whose JSON object may have members that kvnet does not read."""


@attrs.frozen
class Between:
    """The lowest and the highest number that a field may hold, or how many entries."""

    low: int
    high: int


@attrs.frozen
class Parsed:
    """A type with a reader of its own: ``read`` gives the value or raises ValueError, ``wanted`` says what it reads."""

    read: Callable[[Any], Any]
    wanted: str


@attrs.frozen(eq=False)
class Tagged:
    """Objects of several classes: the text of the member ``tag`` tells which one, and ``other`` reads the rest."""

    tag: str
    classes: Mapping[str, type]
    other: type


def _quantity(value: Any) -> Any:
    if type(value) not in (str, int):
        raise ValueError
    quantity_ceil(quantity_text(value))
    return value


def _architecture(value: Any) -> str:
    if value not in NODE_ARCHITECTURES:
        raise ValueError(f"'{value}' names no architecture in Kubernetes: write {_ARCHITECTURE}")
    return str(value)


def _release(value: Any) -> str:
    release(value)
    return str(value)


def _ip(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    address = ip_of(_LEADING_ZEROS.sub("", value))
    return value if address is None else str(address)


def _cidr(value: Any) -> str:
    """A network as KubeVirt's API rewrites it while it decodes JSON; other text stays as it is."""
    if type(value) is not str:
        raise ValueError
    text, _, digits = value.partition("/")
    address = ip_of(_LEADING_ZEROS.sub("", text))
    if address is None or not (digits.isascii() and digits.isdigit()):
        return value
    is_mapped, length = address.version == 4 and ":" in text, int(digits)
    if length > (128 if is_mapped else address.max_prefixlen):
        return value
    return f"{address}/{max(length - _MAPPED_BITS, 0) if is_mapped else length}"


Rest = Mapping[str, Any]
"""Members of an object that kvnet has no field for; they are kept, and dumped again."""
Int32 = Annotated[int, Between(-(2**31), 2**31 - 1)]
Int64 = Annotated[int, Between(-(2**63), 2**63 - 1)]
UInt31 = Annotated[int, Between(0, 2**31 - 1)]
"""An unsigned number for which the API server's schema says ``int32``."""
UInt32 = Annotated[int, Between(0, 2**32 - 1)]
Quantity = Annotated[str | int, Parsed(_quantity, "a whole number, or text such as 500m or 1Gi")]
"""A Kubernetes quantity, as written: the API server's schema takes text and whole numbers."""
Architecture = Annotated[str, Parsed(_architecture, _ARCHITECTURE)]
"""An architecture in Kubernetes' words, also one that KubeVirt does not run on."""
Release = Annotated[str, Parsed(_release, "text such as 9.0.0")]
"""A release of libvirt, as written."""
IpText = Annotated[str, Parsed(_ip, "text")]
"""An IP address as text: leading zeros are dropped, and an IPv4-mapped address becomes IPv4. Text that is no address
stays as it is."""
CidrText = Annotated[str, Parsed(_cidr, "text")]
"""An IP network as text, with its host bits: rewritten as ``IpText`` is, and other text stays as it is."""


def rest(**kept: Any) -> Any:
    """A field for unknown members: the class is open, and they pass through it.

    ``kept`` has the types of members that are known and pass through as they are: others are problems, as they are for
    the API server.
    """
    return mapping(repr=False, metadata={_KEPT: kept})


Plain = Mapping[str, Any]
"""An object, of whose members nothing is known."""
Plains = tuple[Plain, ...]
"""A list of objects."""

# Kept members are read without trust in their types, for machines that are made in Python have any.


def member(holder: Any, *path: str) -> Mapping[str, Any] | None:
    """The mapping at a path of mappings, or nothing."""
    for name in path:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder if isinstance(holder, Mapping) else None


def text(holder: Mapping[str, Any] | None, name: str) -> str:
    """The text of a member, empty where it is absent."""
    value = holder.get(name) if holder is not None else None
    return value if isinstance(value, str) else ""


def entries(holder: Mapping[str, Any] | None, name: str) -> list[Any]:
    """The entries of a list, none where it is absent."""
    value = holder.get(name) if holder is not None else None
    return list(value) if isinstance(value, list | tuple) else []


def mapping(**options: Any) -> Any:
    """A field that holds a mapping, empty by default; it counts for equality and not for the hash."""
    if "default" not in options:
        options["factory"] = dict
    return attrs.field(hash=False, **options)


def named(name: str, **options: Any) -> Any:
    """A field whose JSON key is not its Python name in camel case; dots lead into the object's inner objects."""
    return attrs.field(metadata={_NAME: name}, **options)


def required(factory: Callable[[], Any]) -> Any:
    """A field that a JSON object must have; in Python, a factory makes its default."""
    return attrs.field(factory=factory, metadata={_REQUIRED: True})


def members(table: Mapping[str, type]) -> dict[str, Any]:
    """Metadata of a field that holds members of the JSON object itself, by the class of each, in the table's order."""
    return {_MEMBERS: table}


def members_of(attribute: attrs.Attribute[Any]) -> Mapping[str, type] | None:
    """The JSON members that a field holds, with their classes, or nothing."""
    table: Mapping[str, type] | None = attribute.metadata.get(_MEMBERS)
    return table


def kept_of(attribute: attrs.Attribute[Any]) -> Mapping[str, Any]:
    """The types of the members that pass through a field for unknown ones, by their JSON keys."""
    kept: Mapping[str, Any] = attribute.metadata.get(_KEPT, {})
    return kept


def json_name(attribute: attrs.Attribute[Any]) -> str:
    """The JSON key of a field, such as ``macAddress`` for ``mac_address``."""
    return attribute.metadata.get(_NAME) or _in_camel_case(attribute.name)


@lru_cache(maxsize=1024)
def _in_camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def default_of(attribute: attrs.Attribute[Any]) -> Any:
    """The default of a field, made anew where a factory makes it; ``attrs.NOTHING`` of a required one."""
    factory = factory_of(attribute)
    return attribute.default if factory is None else factory()


def is_required(attribute: attrs.Attribute[Any]) -> bool:
    """Whether a JSON object must have the field."""
    return attribute.default is attrs.NOTHING or _REQUIRED in attribute.metadata


def factory_of(attribute: attrs.Attribute[Any]) -> Callable[[], Any] | None:
    """What makes the default of a field anew for each object, or nothing."""
    default: Any = attribute.default
    return default.factory if isinstance(default, attrs.Factory) else None  # type: ignore[arg-type]
