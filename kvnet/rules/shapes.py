"""Remember what the rules found for machines of one shape, which differ in names and addresses alone.

The machines of a fleet have few shapes. A verdict that is the same for a twin with other names and addresses does not
depend on them, and counts for every machine of its shape. A machine of which a rule could mind a name or an address has
no shape, and is judged by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from attrs import evolve, fields

from kvnet.errors import Problem
from kvnet.rules.labels import has_sidecar, is_windows
from kvnet.rules.metadata import KNOWN, annotations_around
from kvnet.rules.occasions import CLAIMING_MEMBERS, PLAIN_MEMBERS
from kvnet.spec import Interface, Machine, Multus, Network, Plugin, Pod
from kvnet.spec.keys import has_odd_keys
from kvnet.spec.machine import REPLICATING
from kvnet.spec.usual import has_usual_names
from kvnet.spec.wire import entries, text
from kvnet.target import Target
from kvnet.values import DNS_LABEL

__all__ = ["Judge", "remembered", "shape_of"]

Judge = Callable[[Machine, Target, frozenset[str]], Sequence[Problem]]
"""Applies the rules, and those of the chosen groups, to a machine for its target."""
Shape = tuple[object, ...]

_MOST_SHAPES: Final = 256
_MOST_TARGETS: Final = 16
_CLOUD_INIT: Final = ("cloudInitNoCloud", "cloudInitConfigDrive")
_NAMING: Final = ("name", "bindings", "mac_address", "pci_address")
_fixed = attrgetter(*(each.name for each in fields(Interface) if each.name not in _NAMING))


class _Mark(Enum):
    """What is known of a shape without a verdict."""

    ONCE = "it was met once"
    OWN = "its verdicts tell of names or addresses, so each machine is judged by itself"


_Known = dict[tuple[object, ...], tuple[Problem, ...] | _Mark]
_known: dict[int, tuple[Target, _Known]] = {}
"""The verdicts by groups and shape, for each of the last targets by its identity."""


def remembered(machine: Machine, target: Target, groups: frozenset[str], judge: Judge) -> Sequence[Problem]:
    """What ``judge`` finds, from memory where a machine of the same shape was judged for the same target."""
    known = _known_for(target)
    alike = (groups, machine.text_shape) if machine.text_shape and not target.nads else None
    verdict = known.get(alike) if alike is not None else None
    if type(verdict) is tuple:
        return verdict
    try:
        shape = shape_of(machine, target)
        key = (groups, shape)
        verdict = known.get(key)
    except TypeError:  # a machine that was made in Python may hold what has no hash
        shape = None
    if shape is None:
        return judge(machine, target, groups)
    if type(verdict) is tuple:
        if alike is not None:
            _keep(known, alike, verdict)
        return verdict
    found = judge(machine, target, groups)
    if verdict is None:
        _keep(known, key, _Mark.ONCE)
    elif verdict is _Mark.ONCE:
        of_twin = judge(_twin(machine, target), target, groups)
        _keep(known, key, tuple(found) if of_twin == found else _Mark.OWN)
    return found


def _keep(known: _Known, key: tuple[object, ...], verdict: tuple[Problem, ...] | _Mark) -> None:
    if len(known) >= _MOST_SHAPES:
        known.clear()
    known[key] = verdict


def _known_for(target: Target) -> _Known:
    held = _known.get(id(target))
    if held is None or held[0] is not target:
        if len(_known) >= _MOST_TARGETS:
            _known.clear()
        held = _known[id(target)] = (target, {})
    return held[1]


def shape_of(machine: Machine, target: Target) -> Shape | None:
    """All that rules read of a machine but its names and addresses; ``None`` where one could mind those."""
    facts = target.facts
    if machine.kind in REPLICATING or facts.links or facts.pod_networks or facts.networks or facts.pci_addresses:
        return None
    if not has_usual_names(machine):
        return None
    of_networks = _of_networks(machine, bool(target.nads))
    of_spec = _of_spec(machine)
    if of_networks is None or of_spec is None or has_odd_keys(machine):
        return None
    of_interfaces = _of_interfaces(machine.interfaces)
    if not machine.annotations and not machine.around:
        return (machine.kind, of_interfaces, of_networks, of_spec)
    if not machine.annotations.keys().isdisjoint(KNOWN):
        return None
    annotations = (tuple(machine.annotations), *((at.parts, *keys) for at, keys in annotations_around(machine)))
    windows = is_windows(machine, target)
    return (machine.kind, of_interfaces, of_networks, of_spec, annotations, windows, has_sidecar(machine))


def _of_interfaces(interfaces: Sequence[Interface]) -> Shape:
    """The fields of all interfaces, each in a row of its own, without names and addresses."""
    bindings = [each.bindings for each in interfaces]
    given = [(bool(each.mac_address), bool(each.pci_address)) for each in interfaces]
    kinds = [*map(type, chain.from_iterable(bindings))]
    plugins = (*bindings,) if Plugin in kinds else ()
    return (*map(_fixed, interfaces), *map(len, bindings), *kinds, *given, plugins)


def _of_networks(machine: Machine, with_nads: bool) -> Shape | None:
    """The sources of networks, with the names of NADs where the target has some."""
    shape: list[object] = [machine.namespace] if with_nads else []
    for network in machine.networks:
        for source in network.sources:
            if type(source) is Multus:
                shape += (source.network_name if with_nads else Multus, source.default)
            elif type(source) is Pod:
                if source.vm_ipv6_network_cidr and "volumes" in machine.spec.rest:
                    return None  # user data may configure the address, too
                shape += (Pod, source.vm_network_cidr, source.vm_ipv6_network_cidr)
            else:
                return None
        shape.append(None)
    return tuple(shape)


def _of_spec(machine: Machine) -> Shape | None:
    """What else rules read of the spec of a machine."""
    spec = machine.spec
    domain, devices = spec.domain, spec.domain.devices
    if spec.resource_claims or domain.launch_security is not None:
        return None
    if spec.rest and not all(map(_is_usual, spec.rest.items())):
        return None
    if devices.rest and not CLAIMING_MEMBERS.isdisjoint(devices.rest):
        return None
    return (
        spec.architecture,
        domain.cpu,
        domain.memory,
        domain.resources,
        devices.network_interface_multiqueue,
        devices.use_virtio_transitional,
        devices.autoattach_pod_interface,
        *((disk.name, disk.boot_order) for disk in devices.disks if disk.boot_order is not None),
    )


def _is_usual(given: tuple[str, Any]) -> bool:
    """Whether a member that kvnet keeps as it is says nothing that a rule could mind."""
    name, value = given
    if name == "hostname":
        return isinstance(value, str) and DNS_LABEL.fullmatch(value) is not None
    if name == "volumes":
        return all(_has_no_network_data(each) for each in entries({name: value}, name))
    return name not in PLAIN_MEMBERS


def _has_no_network_data(volume: object) -> bool:
    """Whether a volume is no cloud-init's, or one with user data alone."""
    if not isinstance(volume, Mapping):
        return False
    sources = [volume[kind] for kind in _CLOUD_INIT if volume.get(kind) is not None]
    return all(map(_has_user_data_alone, sources))


def _has_user_data_alone(source: object) -> bool:
    if not isinstance(source, Mapping) or not text(source, "userData"):
        return False
    return not any(str(key).startswith("networkData") for key in source)


def _twin(machine: Machine, target: Target) -> Machine:
    """The same machine with other names and addresses."""
    interfaces = [
        evolve(
            each,
            name=f"twin-{n}",
            mac_address=each.mac_address and f"02:74:77:69:6e:{n:02x}",
            pci_address=each.pci_address and f"0000:{239 - n:02x}:00.0",
        )
        for n, each in enumerate(machine.interfaces)
    ]
    networks = [
        evolve(each, name=f"twin-{n}", sources=each.sources if target.nads else tuple(_twin_sources(each, n)))
        for n, each in enumerate(machine.networks)
    ]
    return machine.with_nics(tuple(interfaces), tuple(networks))


def _twin_sources(network: Network, n: int) -> Iterator[Any]:
    for source in network.sources:
        yield evolve(source, network_name=f"twin-{n}") if isinstance(source, Multus) else source
