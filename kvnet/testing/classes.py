"""Strategies for every class that is read from plain data, made of the types of its fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kvnet.facts import HostFacts
from kvnet.spec import TEMPLATES, InterfaceStatus, Machine, Nad, Status, VmiSpec
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.wire import REST, Between, IpText, Quantity, json_name, members_of
from kvnet.target import Target
from kvnet.testing.texts import labels
from kvnet.testing.values import mac_addresses, pci_addresses
from kvnet.values import MacAddress, PciAddress

__all__ = ["cluster_configs", "host_facts", "interface_statuses", "nads", "targets", "values_of"]

T = TypeVar("T")
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
_QUANTITIES = st.sampled_from(["2", "500m", "1Gi", 3])
_CNIS = st.sampled_from([{"type": "bridge", "bridge": "br10"}, {"plugins": [{"type": "macvlan", "master": "eth0"}]}])
_JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=3,
)


def values_of(cls: type[T]) -> SearchStrategy[T]:
    """Any values of one of the classes that ``kvnet.converter`` knows; most of them KubeVirt would not admit."""
    found: SearchStrategy[T] = _of(cast(Any, cls))
    return found


def host_facts() -> SearchStrategy[HostFacts]:
    """Any host facts."""
    return values_of(HostFacts)


def cluster_configs() -> SearchStrategy[ClusterConfig]:
    """Any configurations of a cluster."""
    return values_of(ClusterConfig)


def interface_statuses() -> SearchStrategy[InterfaceStatus]:
    """Any entries of ``status.interfaces``."""
    return values_of(InterfaceStatus)


@cache
def nads() -> SearchStrategy[Nad]:
    """NetworkAttachmentDefinitions, with a CNI configuration or without."""
    configs = st.none() | _CNIS.map(json.dumps)
    annotations = st.dictionaries(_TEXTS, _TEXTS, max_size=2)
    return st.builds(Nad, name=labels(), namespace=st.none() | labels(), annotations=annotations, config=configs)


@cache
def targets() -> SearchStrategy[Target]:
    """Targets whose facts and own values do not contradict each other."""
    drawn = {name: kind for name, kind in _fields(Target).items() if name not in ("architecture", "libvirt_release")}
    return st.builds(Target, **drawn)


@cache
def _machines() -> SearchStrategy[Machine]:
    annotations = st.dictionaries(_TEXTS, _TEXTS, max_size=2)
    spec, status = _of(VmiSpec), _of(Status)
    names = {"name": st.none() | labels(), "namespace": st.none() | labels(), "annotations": annotations}
    held = st.builds(Machine, kind=st.sampled_from([*TEMPLATES]), spec=spec, **names)
    reported = st.builds(Machine, kind=st.just("VirtualMachineInstance"), spec=spec, status=status, **names)
    bare = st.builds(Machine, kind=st.just(""), spec=spec)
    return held | reported | bare


_LEAVES: dict[Any, Any] = {
    Any: _JSON,
    str: _TEXTS,
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    Quantity: _QUANTITIES,
    IpText: st.ip_addresses().map(str),
    MacAddress: mac_addresses(),
    PciAddress: pci_addresses(),
}
_MADE: dict[Any, Any] = {Machine: _machines, Nad: nads, Target: targets}


@cache
def _of(kind: Any) -> SearchStrategy[Any]:
    if kind in _LEAVES or kind in _MADE:
        found: SearchStrategy[Any] = _LEAVES[kind] if kind in _LEAVES else _MADE[kind]()
        return found
    if get_origin(kind) is not None:
        return _of_generic(get_origin(kind), get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    return st.builds(kind, **_fields(kind))


def _of_generic(origin: Any, arguments: tuple[Any, ...]) -> SearchStrategy[Any]:
    if origin is Annotated:
        kind, marker = arguments
        return st.integers(marker.low, marker.high) if kind is int and isinstance(marker, Between) else _of(kind)
    if origin in (Union, UnionType):
        return st.one_of(*(st.none() if each is NoneType else _of(each) for each in arguments))
    if origin is get_origin(Mapping[str, Any]):
        return st.dictionaries(_TEXTS, _of(arguments[1]), max_size=2)
    return st.lists(_of(arguments[0]), max_size=2).map(origin)


def _fields(cls: Any) -> dict[str, SearchStrategy[Any]]:
    """A strategy for each field of a class; unknown members have keys that no field has."""
    kinds = get_type_hints(cls, include_extras=True)
    drawn: dict[str, SearchStrategy[Any]] = {}
    for field in attrs.fields(cls):
        members = members_of(field)
        if members is not None:
            drawn[field.name] = st.tuples(*(st.none() | _of(each) for each in members.values())).map(_given)
        elif field.name != REST:
            drawn[field.name] = _of(kinds[field.name])
    if REST in kinds:
        known = {json_name(field) for field in attrs.fields(cls)}
        drawn[REST] = st.dictionaries(_TEXTS.filter(lambda key: key not in known), _JSON, max_size=2)
    return drawn


def _given(members: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each for each in members if each is not None)
