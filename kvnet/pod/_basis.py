"""What the plans of a pod start from: the whole machine, the networks of a phase, the names of links, and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import AddressValueError, IPv4Interface
from typing import Final

from kvnet._arguments import checked
from kvnet.compiler.pod import bridge_name, is_ordinal, ordinal_link_names, pod_link_names
from kvnet.defaults import default_nic_refusal, with_cpu_request, with_default_nic
from kvnet.errors import Problem, Rejected
from kvnet.hotplug.policy import networks_to_set_up
from kvnet.instancetypes import expand
from kvnet.pod.found import Phase, PodFound
from kvnet.pod.nft import is_link_name
from kvnet.spec import Machine
from kvnet.spec.guest_network import GUEST_CIDR_FIELDS, GUEST_CIDRS, GuestNetwork, guest_network_of
from kvnet.spec.nic import MASQUERADE_MAC, Nic, nics_of
from kvnet.target import Target
from kvnet.values import MacAddress

__all__ = [
    "BRIDGE_MAC",
    "GuestNetwork",
    "checked_found",
    "dhcp_server_address",
    "guest_network",
    "link_names",
    "missing_link",
    "name_flaw",
    "networks_of",
    "nics_in",
    "renamed_link",
    "whole",
    "without_interface",
]

BRIDGE_MAC: Final = MacAddress.parse(MASQUERADE_MAC)
"""The MAC address of each bridge of masquerade, which guests know as that of their gateway and DHCPv6 server."""
_NOTHING_FOUND: Final = PodFound()


def whole(machine: Machine, target: Target) -> tuple[Machine, tuple[Problem, ...]]:
    """The machine with its instancetype, preference and default NIC, and the errors for which it has none of them."""
    expansion = expand(machine, target)
    errors = tuple([each for each in expansion.problems if each.is_error])
    if errors:
        return expansion.machine, errors
    machine, cluster = expansion.machine, target.cluster.in_effect
    try:
        machine = with_cpu_request(machine, cluster)
    except Rejected as uncountable:
        return machine, uncountable.problems
    refused = default_nic_refusal(machine, cluster)
    return machine if refused else with_default_nic(machine, cluster), ()


def checked_found(found: PodFound | None) -> PodFound:
    """What was found in a pod, nothing for None. Raises TypeError for anything else."""
    if found is None:
        return _NOTHING_FOUND
    return checked(found, PodFound, "a PodFound", "read one with kvnet.load_found, or leave it out")


def networks_of(machine: Machine, phase: Phase) -> tuple[str, ...]:
    """The networks that are set up in a phase (KubeVirt's ``pkg/network/setup/filters.go``)."""
    if phase is Phase.LIVE_UPDATE:
        return networks_to_set_up(machine)
    known = [network.name for network in machine.networks]
    if phase is Phase.MIGRATION_TARGET:
        return tuple(known)
    return tuple(nic.name for nic in machine.interfaces if not nic.is_absent and nic.name in known)


def nics_in(machine: Machine, networks: Iterable[str]) -> tuple[Nic, ...]:
    """The NICs of networks, in the order of the networks."""
    by_name = {nic.name: nic for nic in reversed(nics_of(machine))}
    return tuple(by_name[name] for name in networks if name in by_name)


def link_names(machine: Machine, networks: Iterable[str], found: PodFound) -> Mapping[str, str]:
    """The pod's link of each of the networks that are set up together.

    They have ordinal names where any link that was found has one, else hashed ones. KubeVirt counts only the networks
    of the set-up for ordinal names, in their order there.
    """
    by_name = {each.name: each for each in machine.networks}
    machine = machine.with_nics(machine.interfaces, tuple(by_name[name] for name in networks))
    scheme = ordinal_link_names if is_ordinal(each.name for each in found.links) else pod_link_names
    return scheme(machine)


def renamed_link(name: str) -> str:
    """The name that the pod's NIC has once it is a port of a bridge; a dummy has its own one then.

    >>> renamed_link("eth0"), renamed_link("pod16477688c0e")
    ('eth0-nic', '16477688c0e-nic')
    """
    return f"{name.removeprefix('pod')}-nic"


def name_flaw(nic: Nic, name: str) -> Problem | None:
    """The problem of a NIC whose link, or its bridge, has a name that no ruleset and no path may hold, or nothing.

    The name may come from the status of the machine.
    """
    bad = next((each for each in (name, bridge_name(name)) if not is_link_name(each)), None)
    if bad is None:
        return None
    message = f"{bad!r} is not a name that a link and a ruleset can have"
    hint = "name the pod's link with up to 11 of a-z, A-Z, 0-9, '_', '.' and '-'"
    return Problem(nic.at, "KN845", message, hint=hint)


def missing_link(nic: Nic, name: str) -> Problem:
    """The problem of a NIC whose link is not in the pod."""
    message = f"the pod has no link '{name}' for '{nic.name}'" if name else f"'{nic.name}' has no link in any pod"
    hint = "see what the CNI plugin of its network says, and start again"
    return Problem(nic.at, "KN840", message, hint=hint)


def without_interface(machine: Machine, number: int) -> Problem:
    """The problem of a network that no interface names, by its position."""
    name = machine.networks[number].name
    hint = f"add `- name: {name}` with a binding to domain.devices.interfaces"
    return Problem((machine.root / "networks")[number] / "name", "KN125", f"no interface is named '{name}'", hint=hint)


def guest_network(nic: Nic, version: int) -> GuestNetwork | Problem:
    """The addresses of IP version 4 or 6 behind a NIC with masquerade, or why there are none."""
    network = nic.network
    try:
        return guest_network_of(network.pod if network is not None else None, version)
    except ValueError as reason:
        assert network is not None
        at = (nic.machine.root / "networks")[nic.machine.networks.index(network)] / "pod" / GUEST_CIDR_FIELDS[version]
        hint = f"write a network such as {GUEST_CIDRS[version]}, or leave the field out"
        return Problem(at, "KN844", f"{reason}, so the pod cannot start", hint=hint)


def dhcp_server_address(nic: Nic, position: int) -> IPv4Interface | Problem:
    """The address of a NIC's bridge that DHCP is served from, or why there is none.

    KubeVirt joins the texts ``169.254.75.1`` and ``position``, which counts the NICs from 0, so there are one hundred.
    """
    try:
        return IPv4Interface(f"169.254.75.1{position}/32")
    except AddressValueError:
        message = f"'{nic.name}' is NIC {position + 1} of the machine, and bridges of 100 NICs have an address for DHCP"
        return Problem(nic.at, "KN846", message, hint="move it up in the list, or give its network no IP addresses")
