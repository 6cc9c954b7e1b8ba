"""Strategies for machines and their NICs."""

from __future__ import annotations

from functools import cache
from typing import Any

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kvnet.rules.check import check
from kvnet.spec import (
    Bridge,
    Cpu,
    Devices,
    DhcpOptions,
    Domain,
    Interface,
    Machine,
    Masquerade,
    Memory,
    Multus,
    Network,
    PasstBinding,
    Plugin,
    Pod,
    Port,
    PrivateOption,
    Sriov,
    VmiSpec,
)
from kvnet.target import Target
from kvnet.testing.texts import labels
from kvnet.testing.values import pci_addresses, unicast_macs

__all__ = ["admitted_machines", "interfaces", "machines", "networks"]

_MODELS = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio")
_ARCHITECTURES = ("amd64", "arm64", "s390x")


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
    attached = st.builds(Multus, network_name=names, default=st.just(True) if primary else st.none() | st.just(False))
    return st.just(Pod()) | attached if primary else attached


@cache
def _nameless_interfaces(on_pod: bool) -> SearchStrategy[Interface]:
    fitting = (Bridge(), Masquerade(), PasstBinding()) if on_pod else (Bridge(), Sriov())
    return st.builds(
        Interface,
        name=st.just(""),
        bindings=st.sampled_from(fitting) | st.builds(Plugin, name=labels()),
        model=_maybe(st.sampled_from(_MODELS)),
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
        Devices,
        autoattach_pod_interface=st.none() | st.just(False),
        network_interface_multiqueue=_maybe(st.booleans()),
        use_virtio_transitional=_maybe(st.booleans()),
    )
    factor = _maybe(st.integers(1, 4))
    memory = st.builds(Memory, guest=st.sampled_from(["128Mi", "1Gi"]))
    cpu = st.builds(Cpu, cores=factor, sockets=factor, threads=factor)
    spec = st.builds(
        VmiSpec,
        domain=st.builds(Domain, devices=devices, cpu=cpu, memory=memory),
        architecture=_maybe(st.sampled_from(_ARCHITECTURES)),
    )
    return st.builds(Machine, name=labels(), namespace=_maybe(labels()), spec=spec)


def _ports() -> SearchStrategy[tuple[Port, ...]]:
    port = st.builds(Port, port=st.integers(1, 65535), protocol=_maybe(st.sampled_from(["TCP", "UDP"])))
    return st.lists(port, max_size=3, unique_by=lambda each: each.port).map(tuple)


def _guest_addresses() -> SearchStrategy[str]:
    port = st.builds("0000:{:02x}:00.{}".format, st.integers(1, 8), st.integers(0, 1))
    root = st.builds("0000:00:{:02x}.{}".format, st.integers(1, 0x1E), st.integers(0, 7))
    return port | root | pci_addresses(buses=8).map(str)


def _dhcp_options() -> SearchStrategy[DhcpOptions]:
    option = st.builds(PrivateOption, option=st.integers(224, 254), value=labels())
    return st.builds(
        DhcpOptions,
        boot_file_name=_maybe(labels()),
        tftp_server_name=_maybe(labels()),
        ntp_servers=st.lists(st.ip_addresses(v=4).map(str), max_size=2).map(tuple),
        private_options=st.lists(option, max_size=2, unique_by=lambda each: each.option).map(tuple),
    )
