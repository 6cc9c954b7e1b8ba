"""The JSON Schema of the documents that kvnet reads, made from the classes of their objects."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import define, field

from kvnet.facts import HostFacts
from kvnet.manifest._kinds import KUBEVIRT, NAD, SERVED
from kvnet.spec import (
    INSTANCETYPE_KINDS,
    REFERRING,
    TEMPLATES,
    InstancetypeSpec,
    Interface,
    Matcher,
    PreferenceSpec,
    VmiSpec,
)
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.interface import REMOVED_BINDINGS, Port, PortRange
from kvnet.spec.keys import known_keys
from kvnet.spec.nic import MODELS
from kvnet.spec.wire import REST, Between, Lenient, Quantity, is_required, json_name, members_of
from kvnet.values import ARCHITECTURES, MacAddress, PciAddress

__all__ = ["SCHEMAS", "facts_schema", "manifest_schema"]

_Schema = dict[str, Any]
_Path = tuple[str, ...]
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_MAC: Final = r"^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$|^[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}$"
_PCI: Final = r"^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[01][0-9A-Fa-f]\.[0-7]$"
_QUANTITY: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
_FIELD: Final = re.compile(r"^- ((?:``\w+``(?:, )?)+): (.+?)(?=^- |^$|\Z)", re.MULTILINE | re.DOTALL)
"""A field in the docstring of a class, or several of them, and what it says of them."""

_TEXT: Final = {"type": "string"}
_LEAVES: Mapping[Any, _Schema] = {
    Any: {},
    str: _TEXT,
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    Quantity: {"type": ["string", "integer"], "pattern": _QUANTITY},
    MacAddress: _TEXT | {"pattern": _MAC},
    PciAddress: _TEXT | {"pattern": _PCI},
}
_ADMITTED: Mapping[tuple[type, str], _Schema] = {
    (Interface, "model"): {"enum": ["", *MODELS]},
    (Interface, "macAddress"): {"pattern": f"^$|{_MAC}"},
    (Interface, "pciAddress"): {"pattern": f"^$|{_PCI}"},
    (Interface, "state"): {"enum": ["", "up", "down", "absent"]},
    (Interface, "bootOrder"): {"minimum": 1},
    # KubeVirt judges ports of the bindings alone that forward them
    (Port, "protocol"): {"examples": ["TCP", "UDP"]},
    (PortRange, "protocol"): {"examples": ["TCP", "UDP"]},
    (VmiSpec, "architecture"): {"enum": ["", *ARCHITECTURES]},
}
"""What KubeVirt's admission demands of a member beyond its type (KubeVirt 1.9, ``pkg/network/admitter``).

An editor offers the values that a member may have.
"""
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_TEXTS: Final = {"type": ["object", "null"], "additionalProperties": _TEXT_OR_NULL}
_METADATA: Final = {
    "type": ["object", "null"],
    "properties": {"name": _TEXT_OR_NULL, "namespace": _TEXT_OR_NULL, "labels": _TEXTS, "annotations": _TEXTS},
}
"""The metadata of an object; null is the same as absent, as the API server reads it."""


def manifest_schema() -> _Schema:
    """The JSON Schema (2020-12) of a document in a manifest: of every kind that kvnet reads, and of a bare VMI spec.

    Documents of other kinds are valid, whatever they hold. Beside the types of members, the schema has what KubeVirt's
    admission demands of single ones; what depends on several of them, ``check`` tells.

    >>> manifest_schema()["$defs"]["Multus"]["required"]
    ['networkName']
    """
    classes = _Classes()
    bare = classes.of(VmiSpec, ("spec",))
    kinds = {kind: classes.of_kind(kind) for kind in SERVED}
    nameless = {"not": {"anyOf": [{"required": ["kind"]}, {"required": ["apiVersion"]}]}, "required": ["domain"]}
    cases = [
        *(({"properties": {"kind": {"const": kind}}, "required": ["kind"]}, each) for kind, each in kinds.items()),
        (
            {"properties": {"kind": {"enum": ["List", *(f"{kind}List" for kind in SERVED)]}}, "required": ["kind"]},
            _object({"items": {"items": {"$ref": "#"}}}),
        ),
        (nameless, bare),
    ]
    return {
        "$schema": _DIALECT,
        "title": "KubeVirt machines, and what their networks depend on",
        **_object({"apiVersion": _TEXT, "kind": _TEXT}),
        "allOf": [{"if": case, "then": schema} for case, schema in cases],
        "$defs": classes.definitions,
    }


def facts_schema() -> _Schema:
    """The JSON Schema (2020-12) of a document of host facts."""
    classes = _Classes()
    root = classes.of(HostFacts)
    return {"$schema": _DIALECT, "title": "Host facts of kvnet", **root, "$defs": classes.definitions}


SCHEMAS: Final[Mapping[str, Callable[[], _Schema]]] = {"manifest": manifest_schema, "facts": facts_schema}
"""The schemas by the documents that they are for."""


@define
class _Classes:
    """The schemas of classes, each made once and held by its name in ``definitions``."""

    definitions: dict[str, _Schema] = field(factory=dict)

    def of_kind(self, kind: str) -> _Schema:
        """The schema of the objects of a kind."""
        made = self._around(kind, ()) if kind in TEMPLATES else _object(self._around_spec(kind))
        said = {"apiVersion": {"enum": [*SERVED[kind]]}, "kind": {"const": kind}}
        return made | {"properties": {**made["properties"], **said, "metadata": {**_METADATA}}}

    def _around_spec(self, kind: str) -> dict[str, _Schema]:
        """The properties of an object that holds no machine."""
        if kind == NAD:
            config = {"type": ["string", "null"], "contentMediaType": "application/json"}
            return {"spec": _or_null(_object({"config": config}) | {"additionalProperties": False})}
        if kind == KUBEVIRT:
            return {"spec": _or_null(_object({"configuration": _or_null(self.of(ClusterConfig))}))}
        return {"spec": self.of(InstancetypeSpec if kind in INSTANCETYPE_KINDS else PreferenceSpec)}

    def _around(self, kind: str, path: _Path) -> _Schema:
        """The schema of the mapping at a path of an object that holds the spec of a VMI."""
        root = (*TEMPLATES[kind], "spec")
        if path == root:
            return self.of(VmiSpec, ("spec",))
        if path[-1:] == ("metadata",):
            return {**_METADATA}
        known = known_keys(kind)
        properties: dict[str, Any] = dict.fromkeys(sorted(known[path]), True)
        inner = {each for each in (*known, root) if len(each) == len(path) + 1 and each[:-1] == path}
        properties |= {each[-1]: self._around(kind, each) for each in sorted(inner)}
        if path and path == REFERRING.get(kind):
            properties |= dict.fromkeys(("instancetype", "preference"), _or_null(self.of(Matcher)))
        return {"type": "object", "properties": properties} | (
            {"required": [root[len(path)]]} if path == root[: len(path)] else {}
        )

    def of(self, kind: Any, path: _Path | None = None) -> _Schema:
        """The schema of a type; ``path`` is that of the member in a bare VMI spec, if it is in one."""
        if kind in _LEAVES:
            return {**_LEAVES[kind]}
        if get_origin(kind) is not None:
            return self._generic(get_origin(kind), get_args(kind), path)
        if issubclass(kind, StrEnum):
            return {"enum": [*map(str, kind)]}
        name = kind.__name__
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self._of_class(kind, path)
        return {"$ref": f"#/$defs/{name}"}

    def _generic(self, origin: Any, arguments: tuple[Any, ...], path: _Path | None) -> _Schema:
        if origin in (Union, UnionType):
            kinds = [self.of(each, path) for each in arguments if each is not NoneType]
            return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
        if origin is not Annotated:
            if issubclass(origin, Mapping):
                return {"type": "object", "additionalProperties": _or_null(self.of(arguments[1]))}
            return {"type": "array", "items": self.of(arguments[0], path)}
        kind, marker = arguments
        made = self.of(kind, path)
        if not isinstance(marker, Between):
            return made
        return made | ({"minimum": marker.low, "maximum": marker.high} if kind is int else {"maxItems": marker.high})

    def _of_class(self, cls: Any, path: _Path | None) -> _Schema:
        kinds, described = get_type_hints(cls, include_extras=True), _descriptions(cls)
        is_open = issubclass(cls, Lenient) or REST in kinds
        others = known_keys("").get(path, ()) if is_open and path is not None else ()
        made: _Schema = _object(dict.fromkeys(sorted(others), True))
        for each in attrs.fields(cls):
            members = members_of(each)
            if members is not None:
                made["properties"] |= {
                    key: _or_null(self.of(kind)) | ({"deprecated": True} if kind in REMOVED_BINDINGS else {})
                    for key, kind in members.items()
                }
                made["dependentSchemas"] = _each_alone(members)
            elif each.name != REST:
                *outer, last = json_name(each).split(".")
                schema = self.of(kinds[each.name], None if path is None else (*path, last))
                schema |= _ADMITTED.get((cls, last), {})
                schema = (schema if is_required(each) else _or_null(schema)) | described.get(each.name, {})
                _holder(made, outer)[last] = schema
        needed = [json_name(each) for each in attrs.fields(cls) if is_required(each)]
        return made | ({"required": needed} if needed else {}) | ({} if is_open else {"additionalProperties": False})


def _object(properties: Mapping[str, Any]) -> _Schema:
    return {"type": "object", "properties": dict(properties)}


def _holder(schema: _Schema, path: Iterable[str]) -> dict[str, Any]:
    """The properties of the object at a path of properties, which are made where they are absent."""
    for step in path:
        schema = schema["properties"].setdefault(step, _object({}))
    properties: dict[str, Any] = schema["properties"]
    return properties


def _or_null(schema: _Schema) -> _Schema:
    """The schema of a member that may be absent: null means the same."""
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]} if schema else schema
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [*kinds, "null"]} | values


def _each_alone(members: Iterable[str]) -> _Schema:
    """That each of some members stands alone: beside one that is not null, the others are null."""
    return {
        key: {
            "if": {"properties": {key: {"not": {"type": "null"}}}},
            "then": {"properties": {other: {"type": "null"} for other in members if other != key}},
        }
        for key in members
    }


def _descriptions(cls: type) -> dict[str, _Schema]:
    """What the docstring of a class says of its fields."""
    found: dict[str, _Schema] = {}
    for names, text in _FIELD.findall(inspect.getdoc(cls) or ""):
        description = " ".join(text.split()).replace("``", "")
        found |= {name: {"description": description} for name in re.findall(r"\w+", names)}
    return found
