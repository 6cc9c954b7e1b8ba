"""Strategies for machines and their NICs as KubeVirt admits them, and for any value that is read from plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kvnet import spec
from kvnet.cni.chain import PLUGINS
from kvnet.cni.values import (
    Address,
    BridgeTrunkEntry,
    Excluded,
    LinkName,
    LinkState,
    Mtu,
    PciText,
    Span,
    Subnet,
    Switch,
    TrunkEntry,
    UsualMac,
    VlanProtocol,
)
from kvnet.facts import MACVTAP_MODES, HostFacts, HostNetwork
from kvnet.manifest.binder import plain
from kvnet.rules.check import check
from kvnet.spec import Instancetype, Interface, Machine, Nad, Network, Preference, VmiSpec
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.nic import MODELS
from kvnet.spec.wire import (
    REST,
    Architecture,
    Between,
    IpText,
    Quantity,
    Release,
    Tagged,
    json_name,
    kept_of,
    members_of,
)
from kvnet.target import VIRT_TYPES, Target, VirtType
from kvnet.testing.values import labels, mac_addresses, pci_addresses, unicast_macs
from kvnet.values import ARCHITECTURES, MacAddress, PciAddress

__all__ = [
    "admitted_machines",
    "cluster_configs",
    "cni_configs",
    "host_facts",
    "instancetypes",
    "interface_statuses",
    "interfaces",
    "machines",
    "nads",
    "networks",
    "preferences",
    "targets",
    "values_of",
]

T = TypeVar("T")
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
_ANNOTATIONS = st.dictionaries(_TEXTS, _TEXTS, max_size=2)
_RELEASES = st.sampled_from(["6.0.0", "9.0.0", "10.10", "11.1.0-2+deb13u1"])
_QUANTITIES = st.sampled_from(["2", "500m", "1Gi", 3])
_SUBNETS = st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 32))
_JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=3,
)


def networks(name: str, *, primary: bool = False) -> SearchStrategy[Network]:
    """Networks of one name: the pod's or a default of Multus, else secondary ones of Multus."""
    return _sources(primary).map(lambda source: Network(name=name, sources=source))


def interfaces(network: Network) -> SearchStrategy[Interface]:
    """Interfaces on a network, with a binding that fits it, and every other field now and then."""
    on_pod = network.pod is not None
    return _nameless_interfaces(on_pod).map(lambda interface: attrs.evolve(interface, name=network.name))


@st.composite
def machines(draw: st.DrawFn, *, max_nics: int = 4) -> Machine:
    """Machines with up to ``max_nics`` NICs, each on a network of its own; most of them are admitted."""
    names = draw(_names(max_nics))
    attached = [draw(networks(name, primary=n == 0)) for n, name in enumerate(names)]
    nics = [draw(interfaces(network)) for network in attached]
    machine = draw(_nicless_machines())
    devices = machine.spec.domain.devices
    if names:
        devices = attrs.evolve(devices, autoattach_pod_interface=None)
    domain = attrs.evolve(machine.spec.domain, devices=devices)
    return attrs.evolve(machine, spec=attrs.evolve(machine.spec, domain=domain)).with_nics(tuple(nics), tuple(attached))


def admitted_machines(
    target: Target | None = None, *, max_nics: int = 4, architecture: str | None = None
) -> SearchStrategy[Machine]:
    """Machines in which ``kvnet.check`` finds no error for a target, of one architecture if one is named."""

    def placed(machine: Machine) -> Machine:
        return attrs.evolve(machine, spec=attrs.evolve(machine.spec, architecture=architecture))

    def is_admitted(machine: Machine) -> bool:
        return not any(problem.is_error for problem in check(machine, target))

    made = machines(max_nics=max_nics)
    return (made if architecture is None else made.map(placed)).filter(is_admitted)


def _maybe(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | values


@cache
def _names(max_size: int) -> SearchStrategy[list[str]]:
    return st.lists(labels(), max_size=max_size, unique=True)


@cache
def _sources(primary: bool) -> SearchStrategy[Any]:
    names = labels() | st.builds("{}/{}".format, labels(), labels())
    attached = st.builds(
        spec.Multus, network_name=names, default=st.just(True) if primary else st.none() | st.just(False)
    )
    return st.just(spec.Pod()) | attached if primary else attached


@cache
def _nameless_interfaces(on_pod: bool) -> SearchStrategy[Interface]:
    fitting = (spec.Bridge(), spec.Masquerade(), spec.PasstBinding()) if on_pod else (spec.Bridge(), spec.Sriov())
    return st.builds(
        Interface,
        name=st.just(""),
        bindings=st.sampled_from(fitting) | st.builds(spec.Plugin, name=labels()),
        model=_maybe(st.sampled_from(MODELS)),
        ports=_maybe(_ports()),
        mac_address=_maybe(unicast_macs().map(lambda mac: mac.spelling)),
        boot_order=_maybe(st.integers(1, 2**16)),
        pci_address=_maybe(_guest_addresses()),
        dhcp_options=_maybe(_dhcp_options()),
        tag=_maybe(labels()),
        acpi_index=_maybe(st.integers(1, 16383)),
        state=st.sampled_from([None, None, None, "up", "down"]),
    )


@cache
def _nicless_machines() -> SearchStrategy[Machine]:
    devices = st.builds(
        spec.Devices,
        autoattach_pod_interface=st.none() | st.just(False),
        network_interface_multiqueue=_maybe(st.booleans()),
        use_virtio_transitional=_maybe(st.booleans()),
    )
    factor = _maybe(st.integers(1, 4))
    memory = st.builds(spec.Memory, guest=st.sampled_from(["128Mi", "1Gi"]))
    cpu = st.builds(spec.Cpu, cores=factor, sockets=factor, threads=factor)
    vmis = st.builds(
        VmiSpec,
        domain=st.builds(spec.Domain, devices=devices, cpu=cpu, memory=memory),
        architecture=_maybe(st.sampled_from(ARCHITECTURES)),
    )
    return st.builds(Machine, name=labels(), namespace=_maybe(labels()), spec=vmis)


def _ports() -> SearchStrategy[tuple[spec.Port, ...]]:
    port = st.builds(spec.Port, port=st.integers(1, 65535), protocol=_maybe(st.sampled_from(["TCP", "UDP"])))
    return st.lists(port, max_size=3, unique_by=lambda each: each.port).map(tuple)


def _guest_addresses() -> SearchStrategy[str]:
    port = st.builds("0000:{:02x}:00.{}".format, st.integers(1, 8), st.integers(0, 1))
    root = st.builds("0000:00:{:02x}.{}".format, st.integers(1, 0x1E), st.integers(0, 7))
    return port | root | pci_addresses(buses=8).map(str)


def _dhcp_options() -> SearchStrategy[spec.DhcpOptions]:
    option = st.builds(spec.PrivateOption, option=st.integers(224, 254), value=labels())
    return st.builds(
        spec.DhcpOptions,
        boot_file_name=_maybe(labels()),
        tftp_server_name=_maybe(labels()),
        ntp_servers=st.lists(st.ip_addresses(v=4).map(str), max_size=2).map(tuple),
        private_options=st.lists(option, max_size=2, unique_by=lambda each: each.option).map(tuple),
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


def interface_statuses() -> SearchStrategy[spec.InterfaceStatus]:
    """Any entries of ``status.interfaces``."""
    return values_of(spec.InterfaceStatus)


def cni_configs() -> SearchStrategy[dict[str, Any]]:
    """CNI configurations of every plugin that kvnet knows, alone and in chains, as plain data that kvnet accepts."""
    plugins = st.sampled_from(sorted(PLUGINS)).flatmap(_plugins)
    # a setting that kvnet does not know may have the name that makes a chain
    alone = plugins.filter(lambda each: "plugins" not in each).map(
        lambda each: {"cniVersion": "0.3.1", "name": "n", **each}
    )
    chains = st.lists(plugins, min_size=1, max_size=3)
    return alone | chains.map(lambda each: {"cniVersion": "0.3.1", "name": "n", "plugins": each})


@cache
def _plugins(name: str) -> SearchStrategy[dict[str, Any]]:
    """Configurations of one plugin, each setting now and then."""
    cls = PLUGINS[name]
    optional = {field: kind for field, kind in _fields(cls).items() if field not in ("type", "name", "cni_version")}
    return (
        st.fixed_dictionaries({}, optional=optional)
        .map(lambda values: _made(cls, {**values, "type": name}))
        .filter(lambda made: made is not None)
        .map(plain)
    )


def _made(cls: type[T], values: Mapping[str, Any]) -> T | None:
    """An object, or nothing where its values contradict each other."""
    try:
        return cls(**values)
    except ValueError:
        return None


def nads() -> SearchStrategy[Nad]:
    """NetworkAttachmentDefinitions, with a CNI configuration or without."""
    configs = _maybe(cni_configs().map(json.dumps))
    return st.builds(Nad, name=labels(), namespace=_maybe(labels()), annotations=_ANNOTATIONS, config=configs)


def instancetypes() -> SearchStrategy[Instancetype]:
    """Instancetypes, cluster-wide or of a namespace."""
    return _named(Instancetype, spec.INSTANCETYPE_KINDS, _of(spec.InstancetypeSpec))


def preferences() -> SearchStrategy[Preference]:
    """Preferences, cluster-wide or of a namespace."""
    return _named(Preference, spec.PREFERENCE_KINDS, _of(spec.PreferenceSpec))


def _named(cls: type[T], kinds: tuple[str, ...], specs: SearchStrategy[Any]) -> SearchStrategy[T]:
    return st.builds(cls, name=labels(), namespace=_maybe(labels()), kind=st.sampled_from(kinds), spec=specs)


def _trunk_entries(cls: type[TrunkEntry], first: int) -> SearchStrategy[TrunkEntry]:
    ids = st.integers(first, 4094)
    ends = st.tuples(ids, ids).map(sorted)
    return st.builds(cls, id=ids) | ends.map(lambda each: cls(min_id=each[0], max_id=each[1]))


def _host_networks() -> SearchStrategy[HostNetwork]:
    names, modes = labels(), st.sampled_from(MACVTAP_MODES)
    return st.one_of(
        st.builds(HostNetwork, bridge=names),
        st.builds(HostNetwork, ovs_bridge=names),
        st.builds(HostNetwork, libvirt_network=names, portgroup=_maybe(names)),
        st.builds(HostNetwork, direct=names, mode=_maybe(modes)),
    )


def targets() -> SearchStrategy[Target]:
    """Targets whose facts and own values do not contradict each other."""
    drawn = {name: kind for name, kind in _fields(Target).items() if name not in ("architecture", "libvirt_release")}
    return st.builds(Target, **drawn)


def _machines() -> SearchStrategy[Machine]:
    vmis = _of(VmiSpec)
    names = {"name": _maybe(labels()), "namespace": _maybe(labels()), "annotations": _ANNOTATIONS}
    held = st.builds(Machine, kind=st.sampled_from([*spec.TEMPLATES]), spec=vmis, **names)
    matcher = _maybe(_of(spec.Matcher))
    referring = st.builds(
        Machine, kind=st.sampled_from([*spec.REFERRING]), spec=vmis, instancetype=matcher, preference=matcher, **names
    )
    reported = st.builds(Machine, kind=st.just("VirtualMachineInstance"), spec=vmis, status=_of(spec.Status), **names)
    bare = st.builds(Machine, kind=st.just(""), spec=vmis)
    return held | referring | reported | bare


_LEAVES: dict[Any, SearchStrategy[Any]] = {
    Any: _JSON,
    str: _TEXTS,
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    Quantity: _QUANTITIES,
    Architecture: st.sampled_from(ARCHITECTURES),
    Release: _RELEASES,
    VirtType: st.sampled_from(VIRT_TYPES),
    # IPv4 addresses inside IPv6 are read as IPv4
    IpText: st.ip_addresses().filter(lambda each: not getattr(each, "ipv4_mapped", None)).map(str),
    IPv4Address: st.ip_addresses(v=4),
    IPv6Address: st.ip_addresses(v=6),
    IPv4Interface: st.builds(lambda *parts: IPv4Interface(parts), st.ip_addresses(v=4), st.integers(0, 32)),
    IPv6Interface: st.builds(lambda *parts: IPv6Interface(parts), st.ip_addresses(v=6), st.integers(0, 128)),
    IPv4Network: st.builds(lambda *parts: IPv4Network(parts, strict=False), st.ip_addresses(v=4), st.integers(0, 32)),
    IPv6Network: st.builds(lambda *parts: IPv6Network(parts, strict=False), st.ip_addresses(v=6), st.integers(0, 128)),
    MacAddress: mac_addresses(),
    PciAddress: pci_addresses(),
    Address: st.ip_addresses().map(str),
    Excluded: st.ip_addresses().map(str),
    Span: _SUBNETS | st.builds("{}-{}".format, st.ip_addresses(v=4), _SUBNETS),
    Subnet: _SUBNETS,
    LinkName: labels(),
    LinkState: st.sampled_from(["auto", "enable", "disable"]),
    Mtu: st.integers(68, 65535),
    PciText: pci_addresses().map(str),
    Switch: st.sampled_from(["on", "off"]),
    UsualMac: unicast_macs().filter(lambda each: not each.is_zero).map(str),
    VlanProtocol: st.sampled_from(["802.1q", "802.1ad"]),
    BridgeTrunkEntry: st.deferred(lambda: _trunk_entries(BridgeTrunkEntry, 1)),
    TrunkEntry: st.deferred(lambda: _trunk_entries(TrunkEntry, 0)),
    HostNetwork: st.deferred(_host_networks),
    Machine: st.deferred(_machines),
    Nad: st.deferred(nads),
    Instancetype: st.deferred(instancetypes),
    Preference: st.deferred(preferences),
    Target: st.deferred(targets),
}


@cache
def _of(kind: Any) -> SearchStrategy[Any]:
    if kind in _LEAVES:
        return _LEAVES[kind]
    if get_origin(kind) is not None:
        return _of_generic(get_origin(kind), get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    return st.builds(kind, **_fields(kind))


def _of_generic(origin: Any, arguments: tuple[Any, ...]) -> SearchStrategy[Any]:
    if origin is Annotated:
        kind, marker = arguments
        if isinstance(marker, Tagged):
            return st.one_of([_tagged(tag, each) for tag, each in marker.classes.items()])
        return st.integers(marker.low, marker.high) if kind is int and isinstance(marker, Between) else _of(kind)
    if origin in (Union, UnionType):
        return st.one_of(*(st.none() if each is NoneType else _of(each) for each in arguments))
    if origin is get_origin(Mapping[str, Any]):
        return st.dictionaries(_TEXTS, _of(arguments[1]), max_size=2)
    return st.lists(_of(arguments[0]), max_size=2).map(origin)


def _tagged(tag: str, cls: Any) -> SearchStrategy[Any]:
    return _of(cls).map(lambda each: attrs.evolve(each, type=tag))


def _fields(cls: Any) -> dict[str, SearchStrategy[Any]]:
    """A strategy for each field of a class; unknown members have keys that kvnet knows nothing of."""
    kinds = get_type_hints(cls, include_extras=True)
    drawn: dict[str, SearchStrategy[Any]] = {}
    for field in attrs.fields(cls):
        members = members_of(field)
        if members is not None:
            drawn[field.name] = st.tuples(*(st.none() | _of(each) for each in members.values())).map(_given)
        elif field.name != REST:
            drawn[field.name] = _of(kinds[field.name])
    if REST in kinds:
        known = {key for field in attrs.fields(cls) for key in (json_name(field), *kept_of(field))}
        drawn[REST] = st.dictionaries(_TEXTS.filter(lambda key: key not in known), _JSON, max_size=2)
    return drawn


def _given(members: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each for each in members if each is not None)
