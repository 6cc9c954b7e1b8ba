"""How spec classes meet KubeVirt's JSON: names, integer widths, and what is passed through unread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import attrs

__all__ = ["REST", "Bits", "Int32", "Int64", "Json", "Rest", "UInt32", "json_name", "named", "rest"]

Json = Any
Rest = Mapping[str, Any]
"""Content of an object that kvnet has no field for; it is kept, and dumped again."""

REST = "rest"
_NAME = "kvnet.json"


@attrs.frozen
class Bits:
    """The width of a Go integer type."""

    low: int
    high: int


Int32 = Annotated[int, Bits(-(2**31), 2**31 - 1)]
Int64 = Annotated[int, Bits(-(2**63), 2**63 - 1)]
UInt32 = Annotated[int, Bits(0, 2**32 - 1)]


def rest() -> Any:
    """A field for what kvnet has no field for: the class is open, unknown keys pass through it."""
    return attrs.field(factory=dict, repr=False)


def named(name: str, **options: Any) -> Any:
    """A field whose JSON key is not its Python name in camel case."""
    return attrs.field(metadata={_NAME: name}, **options)


def json_name(attribute: attrs.Attribute[Any]) -> str:
    """The JSON key of a spec field, such as ``macAddress`` for ``mac_address``."""
    head, *tail = attribute.name.split("_")
    name: str = attribute.metadata.get(_NAME) or head + "".join(word.capitalize() for word in tail)
    return name
