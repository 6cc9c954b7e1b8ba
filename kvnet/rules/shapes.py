"""Remember what the rules found for machines of one shape, which differ in names and addresses alone.

The machines of a fleet have few shapes. A verdict that is the same for a twin with other names and addresses does not
depend on them, and counts for every machine of its shape. A machine of which a rule could mind a name or an address has
no shape, and is judged by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any, Final

from attrs import define, evolve, field, fields

from kvnet.errors import Problem
from kvnet.rules.machine import KNOWN, annotations_around
from kvnet.rules.occasions import CLAIMING_MEMBERS, PLAIN_MEMBERS, has_sidecar, is_windows
from kvnet.spec import Cpu, Machine, Multus, Network, Pod, VmiSpec
from kvnet.spec.keys import has_odd_keys
from kvnet.spec.machine import REPLICATING
from kvnet.spec.nic import are_usual
from kvnet.spec.wire import REST, entries, text
from kvnet.target import Target
from kvnet.values import DNS_LABEL

__all__ = ["Judge", "remembered", "shape_of"]

Judge = Callable[[Machine, Target, frozenset[str]], Sequence[Problem]]
"""Applies the rules, and those of the chosen groups, to a machine for its target."""
Shape = tuple[object, ...]

_MOST_SHAPES: Final = 256
_MOST_TARGETS: Final = 16
_of_cpu = attrgetter(*(each.name for each in fields(Cpu) if each.name != REST))
_CLOUD_INIT: Final = ("cloudInitNoCloud", "cloudInitConfigDrive")


class _Mark(Enum):
    """What is known of a shape without a verdict."""

    ONCE = "it was met once"
    OWN = "its verdicts tell of names or addresses, so each machine is judged by itself"


_Key = tuple[object, ...]


@define
class _Known:
    """The verdicts for a target, by groups and shape.

    ``last`` is the last one that was asked for, because comparing shapes takes less time than hashing them.
    ``has_shapes`` is false where the target tells of single NICs.
    """

    target: Target
    has_shapes: bool
    verdicts: dict[_Key, tuple[Problem, ...] | _Mark] = field(factory=dict)
    last: tuple[_Key, tuple[Problem, ...]] = ((), ())

    def keep(self, key: _Key, verdict: tuple[Problem, ...] | _Mark) -> None:
        if len(self.verdicts) >= _MOST_SHAPES:
            self.verdicts.clear()
        self.verdicts[key] = verdict


_known: dict[int, _Known] = {}
"""What is known for each of the last targets, by its identity."""


def remembered(machine: Machine, target: Target, groups: frozenset[str], judge: Judge) -> Sequence[Problem]:
    """What ``judge`` finds, from memory where a machine of the same shape was judged for the same target."""
    known = _known_for(target)
    if not known.has_shapes:
        return judge(machine, target, groups)
    alike = (groups, machine.text_shape) if machine.text_shape and not target.nads else None
    verdict = known.verdicts.get(alike) if alike is not None else None
    if type(verdict) is tuple:
        return verdict
    last, verdict = known.last
    try:
        shape = _shape(machine, target)
        key = (groups, shape)
        if key != last:
            verdict = known.verdicts.get(key)
    except TypeError:  # a machine that was made in Python may hold what has no hash
        shape = None
    if shape is None:
        return judge(machine, target, groups)
    if type(verdict) is tuple:
        known.last = key, verdict
        if alike is not None:
            known.keep(alike, verdict)
        return verdict
    found = judge(machine, target, groups)
    if verdict is None:
        known.keep(key, _Mark.ONCE)
    elif verdict is _Mark.ONCE:
        of_twin = judge(_twin(machine, target), target, groups)
        known.keep(key, tuple(found) if of_twin == found else _Mark.OWN)
    return found


def _known_for(target: Target) -> _Known:
    held = _known.get(id(target))
    if held is None or held.target is not target:
        if len(_known) >= _MOST_TARGETS:
            _known.clear()
        held = _known[id(target)] = _Known(target, _has_shapes(target))
    return held


def shape_of(machine: Machine, target: Target) -> Shape | None:
    """All that rules read of a machine but its names and addresses; ``None`` where one could mind those."""
    return _shape(machine, target) if _has_shapes(target) else None


def _has_shapes(target: Target) -> bool:
    """Whether the facts of a target tell of no NIC by its name."""
    facts = target.facts
    return not (facts.links or facts.pod_networks or facts.networks or facts.pci_addresses)


def _shape(machine: Machine, target: Target) -> Shape | None:
    if machine.kind in REPLICATING:
        return None
    of_nics, of_spec = _of_nics(machine.spec, bool(target.nads)), _of_spec(machine)
    if of_nics is None or of_spec is None or has_odd_keys(machine):
        return None
    namespace = machine.namespace if target.nads else None
    if not machine.annotations and not machine.around:
        return (machine.kind, namespace, of_nics, of_spec)
    if not machine.annotations.keys().isdisjoint(KNOWN):
        return None
    annotations = (tuple(machine.annotations), *((at.parts, *keys) for at, keys in annotations_around(machine)))
    return (machine.kind, namespace, of_nics, of_spec, annotations, is_windows(machine, target), has_sidecar(machine))


def _of_nics(spec: VmiSpec, with_nads: bool) -> Shape | None:
    """What each interface and the source of its network say besides names and addresses.

    Where the target has NADs, their names are part of it. There is no shape where names or addresses are not usual, or
    networks have other names than the interfaces, another order, or not one source each.
    """
    interfaces, networks = spec.domain.devices.interfaces, spec.networks
    names, macs, addresses, nads = [], [], [], []
    shape = []
    if len(interfaces) != len(networks):
        return None
    for nic, network in zip(interfaces, networks, strict=True):
        name, mac, address, sources = nic.name, nic.mac_address, nic.pci_address, network.sources
        if network.name != name or len(sources) != 1:
            return None
        source = sources[0]
        of_source: object
        if type(source) is Multus:
            nads.append(source.network_name)
            of_source = source if with_nads else source.default
        elif type(source) is Pod and not (source.vm_ipv6_network_cidr and "volumes" in spec.rest):
            of_source = (source.vm_network_cidr, source.vm_ipv6_network_cidr)
        else:  # user data may configure an IPv6 address, too
            return None
        names.append(name)
        if mac is not None:
            macs.append(mac)
        if address is not None:
            addresses.append(address)
        # written out, for an attrgetter of all fields takes 1.6 times as long
        row = (
            of_source,
            mac is None,
            address is None,
            nic.bindings,
            nic.model,
            nic.ports,
            nic.port_ranges,
            nic.boot_order,
            nic.dhcp_options,
            nic.tag,
            nic.acpi_index,
            nic.state,
        )
        shape.append(row)
    return tuple(shape) if are_usual(names, macs, addresses, nads) else None


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
    cpu, memory = domain.cpu, domain.memory
    return (
        spec.architecture,
        # plain values are compared in a third of the time
        cpu if cpu is None or cpu.rest else _of_cpu(cpu),
        memory if memory is None or memory.rest else (memory.guest,),
        domain.resources,
        devices.network_interface_multiqueue,
        devices.use_virtio_transitional,
        devices.autoattach_pod_interface,
        devices.disks
        and tuple([(each.name, each.boot_order) for each in devices.disks if each.boot_order is not None]),
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
