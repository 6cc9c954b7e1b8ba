"""KubeVirt's names for the links and taps of a pod (``pkg/network/namescheme``), and for devices in a domain."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from kvnet.spec import Machine, Network, default_network, secondary_networks

__all__ = [
    "PRIMARY_LINK",
    "PRIMARY_TAP",
    "USER_ALIAS",
    "VF_ALIAS",
    "bridge_name",
    "is_ordinal",
    "link_names_in_use",
    "ordinal_link_names",
    "pod_link_name",
    "pod_link_names",
    "tap_name",
]

USER_ALIAS = "ua-"
"""The prefix that libvirt demands of every alias that a user gives; the NIC's name follows it."""
VF_ALIAS = "sriov-"
"""What KubeVirt writes between that prefix and the name of a virtual function's NIC."""
PRIMARY_LINK = "eth0"
PRIMARY_TAP = "tap0"
_HASH_DIGITS = 11
_ORDINAL = re.compile(r"net[0-9]+")


def pod_link_names(machine: Machine) -> dict[str, str]:
    """The pod link of each network, by KubeVirt's hashed scheme.

    The primary network has ``eth0``, or what the machine's status reports. Networks of resource claims
    have no pod link.
    """
    names = {network.name: hashed_name(network.name) for network in secondary_networks(machine.networks)}
    return _with_primary(names, machine)


def pod_link_name(machine: Machine, network: Network) -> str:
    """The pod link of one network: the hashed name of a secondary one, else what the status reports, else ``eth0``."""
    return hashed_name(network.name) if network.is_secondary else _primary_link(machine, network)


def ordinal_link_names(machine: Machine) -> dict[str, str]:
    """The pod link of each network by the scheme of old pods: ``net1``, ``net2`` in network order."""
    secondary = secondary_networks(machine.networks)
    return _with_primary({network.name: f"net{n}" for n, network in enumerate(secondary, 1)}, machine)


def link_names_in_use(machine: Machine, seen: Iterable[str | None]) -> dict[str, str]:
    """The pod link of each network of a pod in which links were seen: one ordinal name shows the ordinal scheme."""
    return ordinal_link_names(machine) if is_ordinal(seen) else pod_link_names(machine)


def hashed_name(network: str) -> str:
    """``pod`` and the first 11 hexadecimal digits of the name's SHA-256."""
    return "pod" + sha256(network.encode(errors="surrogatepass")).hexdigest()[:_HASH_DIGITS]


def is_ordinal(names: Iterable[str | None]) -> bool:
    """Whether any of a pod's link names follows the ordinal scheme."""
    return any(name is not None and _ORDINAL.fullmatch(name) for name in names)


def bridge_name(pod_link: str) -> str:
    """KubeVirt's bridge in the pod for the link of a network.

    >>> bridge_name("pod16477688c0e"), bridge_name("eth0")
    ('k6t-16477688c0e', 'k6t-eth0')
    """
    return f"k6t-{pod_link.removeprefix('pod')}"


def tap_name(pod_link: str, *, secondary: bool) -> str:
    """KubeVirt's tap for the link of a network: ``tap0`` unless the network is a secondary one."""
    return f"tap{pod_link[3:]}" if secondary else PRIMARY_TAP


def _with_primary(names: dict[str, str], machine: Machine) -> dict[str, str]:
    primary = default_network(machine.networks)
    if primary is not None:
        names[primary.name] = _primary_link(machine, primary)
    return names


def _primary_link(machine: Machine, network: Network) -> str:
    return reported_link(machine, network.name) or PRIMARY_LINK


def reported_link(machine: Machine, network: str) -> str | None:
    """The pod link that the machine's status reports for a network."""
    entries = machine.status.interfaces if machine.status else ()
    return next((entry.pod_interface_name for entry in entries if entry.name == network), None)
