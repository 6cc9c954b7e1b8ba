"""The pod's side of each network: its link, tap, MAC and MTU, from the facts or from KubeVirt's naming scheme.

The scheme is KubeVirt's ``pkg/network/namescheme``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import sha256

from attrs import evolve, frozen

from kvnet.facts import HostFacts, PodLink, PodNetwork
from kvnet.spec import Machine, Network, default_network, secondary_networks
from kvnet.values import MacAddress, PciAddress, nic_mac

__all__ = [
    "PRIMARY_LINK",
    "PRIMARY_TAP",
    "USER_ALIAS",
    "VF_ALIAS",
    "PodAttachment",
    "PodNetworks",
    "annotated_mac",
    "bridge_name",
    "found_links",
    "is_ordinal",
    "link_names_in_use",
    "ordinal_link_names",
    "pod_link_name",
    "pod_link_names",
    "tap_name",
]

_PRIMARY_PROVIDER = "ovn"

USER_ALIAS = "ua-"
"""The prefix that libvirt demands of every alias that a user gives; the NIC's name follows it."""
VF_ALIAS = "sriov-"
"""What KubeVirt writes between that prefix and the name of a virtual function's NIC."""
PRIMARY_LINK = "eth0"
PRIMARY_TAP = "tap0"
_HASH_DIGITS = 11
_ORDINAL = re.compile(r"net[0-9]+")


@frozen(slots=False)
class PodAttachment:
    """One network inside the pod.

    ``target`` is what the domain's NIC is plugged into: KubeVirt's tap, or the link itself where there is
    no tap. ``assumed`` says that the names come from KubeVirt's scheme and not from facts; without a link,
    the pod's links are known and none is this network's.
    """

    link: PodLink | None = None
    target: str | None = None
    assumed: bool = False

    @property
    def missing(self) -> bool:
        return self.link is None


_MISSING = PodAttachment()


@frozen(slots=False)
class PodNetworks:
    """The networks of a machine's pod, as far as host facts and KubeVirt's naming scheme tell."""

    machine: Machine
    facts: HostFacts

    def attachment(self, network: Network) -> PodAttachment:
        """How one of the machine's networks is attached to its pod."""
        links = self.facts.links
        if links is not None:
            link = links.get(network.name)
            return _MISSING if link is None else PodAttachment(link, self._target(network, link))
        name = self._link_names.get(network.name)
        if name is None:
            return _MISSING
        seen = self._reported.get(name)
        if seen is None:
            return PodAttachment(PodLink(name=name), tap_name(name, secondary=network.is_secondary), assumed=True)
        return PodAttachment(
            PodLink(name=name, mac=seen.mac, mtu=seen.mtu), tap_name(name, secondary=network.is_secondary)
        )

    def pci_address(self, network: Network) -> PciAddress | None:
        """The host address of the virtual function that the pod was given for a network."""
        facts = self.facts
        known = (facts.pci_addresses or {}).get(network.name)
        if known is not None or facts.links is not None:
            return known
        seen = self._reported.get(self._link_names.get(network.name, ""))
        return seen.pci_address if seen else None

    def _target(self, network: Network, link: PodLink) -> str | None:
        """The link's tap if it is there, whichever network it was made for, else the link itself."""
        if isinstance(link.tap, str):
            return link.tap
        name = tap_name(link.name or "", secondary=network.is_secondary)
        return name if link.tap or name in self._taps else link.name

    @cached_property
    def _taps(self) -> frozenset[str]:
        links = self.facts.links or {}
        return frozenset(
            [
                tap_name(link.name or "", secondary=network.is_secondary)
                for network in self.machine.networks
                if (link := links.get(network.name)) and link.tap is True
                if network.is_default or network.is_secondary
            ]
        )

    @cached_property
    def _reported(self) -> dict[str | None, PodNetwork]:
        return {each.interface: each for each in self.facts.pod_networks or ()}

    @cached_property
    def _link_names(self) -> dict[str, str]:
        machine = self.machine
        seen = [entry.interface for entry in self.facts.pod_networks or ()]
        seen += [entry.pod_interface_name for entry in (machine.status.interfaces if machine.status else ())]
        return link_names_in_use(machine, seen)


def found_links(machine: Machine, present: Mapping[str, PodLink]) -> dict[str, PodLink]:
    """The links of a machine's networks among those that are in the pod, by their names there.

    A network has the link that its status or KubeVirt's hashed scheme names, else the one of the ordinal
    scheme. A link has its tap if that tap is among ``present``. The result is the ``links`` of
    HostFacts.
    """
    schemes = (pod_link_names(machine), ordinal_link_names(machine))
    links = {}
    for network in machine.networks:
        names = (scheme.get(network.name) for scheme in schemes)
        name = next((name for name in names if name in present), None)
        if name is not None:
            tap = tap_name(name, secondary=network.is_secondary)
            links[network.name] = evolve(present[name], name=name, tap=tap in present)
    return links


def annotated_mac(
    machine: Machine, network: Network, nad: tuple[str, str] | None = None, providers: Sequence[str] = ()
) -> MacAddress | None:
    """The MAC address that a machine's annotations ask Kube-OVN to give to the pod's link of a network.

    ``nad`` is the namespace and the name of the network's NAD, and ``providers`` what its CNI configuration calls the
    network. The annotation of the primary network is ``ovn.kubernetes.io/mac_address``, that of others begins with
    the provider, such as ``NAD.NAMESPACE.ovn``. Source: Kube-OVN, ``pkg/util/const.go``.

    Raises ValueError for an annotation that gives no link an address.
    """
    if not machine.annotations:
        return None
    names = [*providers]
    if nad is not None:
        namespace, name = nad
        names += [f"{name}.{namespace}.ovn", f"{name}.{namespace}"]
    if network.is_default:
        names.append(_PRIMARY_PROVIDER)
    keys = [f"{name}.kubernetes.io/mac_address" for name in names]
    key = next((key for key in keys if machine.annotations.get(key)), None)
    if key is None:
        return None
    try:
        return nic_mac(machine.annotations[key])
    except ValueError as reason:
        raise ValueError(f"the annotation {key} gives no MAC address: {reason}") from None


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
