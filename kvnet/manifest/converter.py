"""cattrs converters that structure and unstructure kvnet's classes, alone or inside a user's own."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import attrs
from cattrs import BaseConverter, Converter

from kvnet import facts, spec, target, values
from kvnet._arguments import checked
from kvnet.manifest import binder
from kvnet.spec import cluster

__all__ = ["CLASSES", "configure_converter", "converter"]

T = TypeVar("T")
C = TypeVar("C", bound=Converter)

_MODULES = (values, spec, cluster, facts, target)
_NAMED = [getattr(module, name) for module in _MODULES for name in module.__all__]
CLASSES: tuple[type, ...] = tuple(
    each for each in _NAMED if isinstance(each, type) and (attrs.has(each) or issubclass(each, StrEnum))
)
"""The classes that a converter knows once kvnet has configured it: all of the spec, facts, targets and addresses."""


def converter() -> Converter:
    """A cattrs converter for every class of ``CLASSES``, and for whatever is made of them.

    Machines and NADs are structured from KubeVirt's objects, ClusterConfig from ``spec.configuration`` of the KubeVirt
    object, HostFacts from kvnet's own document of facts, and MAC and PCI addresses from text.

    >>> from kvnet.facts import PodLink
    >>> made = converter().structure({"mac": "02:00:00:00:00:01", "mtu": 1450}, PodLink)
    >>> str(made.mac), made.mtu
    ('02:00:00:00:00:01', 1450)
    >>> converter().unstructure(made)
    {'mac': '02:00:00:00:00:01', 'mtu': 1450}
    """
    return configure_converter(Converter())


def configure_converter(converter: C) -> C:
    """Put kvnet's hooks on a cattrs converter, and return it.

    Classes of one's own that hold a Machine, a list of them, or any other class of ``CLASSES`` can then be structured.
    Data that does not fit raises Rejected with every problem and its path; inside other classes and containers,
    cattrs' detailed validation wraps that into its groups.

    >>> import attrs
    >>> from kvnet.spec import Machine
    >>> Order = attrs.make_class("Order", {"customer": attrs.field(type=str), "machine": attrs.field(type=Machine)})
    >>> own = configure_converter(Converter())
    >>> order = own.structure({"customer": "a", "machine": {"kind": "VirtualMachine", "metadata": {"name": "red"},
    ...     "spec": {"template": {"spec": {"domain": {"devices": {}}}}}}}, Order)
    >>> order.machine.name
    'red'
    """
    checked(
        converter, BaseConverter, "a cattrs Converter", "make one with cattrs.Converter(), or call kvnet.converter()"
    )
    for cls in CLASSES:
        converter.register_structure_hook(cls, _structure_hook(cls))
        converter.register_unstructure_hook(cls, binder.plain)
    return converter


def _structure_hook(cls: type[T]) -> Callable[[Any, Any], T]:
    return lambda data, _: binder.bind_or_reject(cls, data)
