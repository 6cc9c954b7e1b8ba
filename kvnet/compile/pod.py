"""What is known of the pod's side of each network: its link, tap, MAC and MTU, each with its origin."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from kvnet.compile.naming import is_ordinal, ordinal_link_names, pod_link_names, tap_name
from kvnet.facts import HostFacts, PodLink, PodNetwork
from kvnet.spec import Machine, Network
from kvnet.values import PciAddress

__all__ = ["PodSide", "found_links", "pod_sides"]


@frozen(kw_only=True)
class PodSide:
    """One network inside the pod.

    ``target`` is what the domain's NIC is plugged into: KubeVirt's tap, or the link itself where there is
    no tap. ``assumed`` says that the names come from KubeVirt's scheme and not from facts; ``missing`` that
    the pod's links are known and none is this network's.
    """

    link: PodLink | None = None
    target: str | None = None
    pci_address: PciAddress | None = None
    assumed: bool = False

    @property
    def missing(self) -> bool:
        return self.link is None


def pod_sides(machine: Machine, facts: HostFacts) -> dict[str, PodSide]:
    """The pod's side of every network, by name."""
    names = _link_names(machine, facts)
    taps = _taps(machine, facts)
    reported = {each.interface: each for each in facts.pod_networks or ()}
    sides = {}
    for network in machine.networks:
        side = _side(network, names.get(network.name), facts, reported, taps)
        address = (facts.pci_addresses or {}).get(network.name)
        sides[network.name] = evolve(side, pci_address=address) if address else side
    return sides


def found_links(machine: Machine, present: Mapping[str, PodLink]) -> dict[str, PodLink]:
    """The links of a machine's networks among those that are in the pod, by their names there.

    A network has the link that its status or KubeVirt's hashed scheme names, else the one of the ordinal
    scheme. Whether a link has its tap is told by the taps that are present. The result is the ``links`` of
    HostFacts.
    """
    schemes = (pod_link_names(machine), ordinal_link_names(machine))
    links = {}
    for network in machine.networks:
        names = (scheme.get(network.name) for scheme in schemes)
        name = next((name for name in names if name in present), None)
        if name is not None:
            links[network.name] = evolve(present[name], name=name, tap=tap_name(network, name) in present)
    return links


def _side(
    network: Network,
    name: str | None,
    facts: HostFacts,
    reported: dict[str | None, PodNetwork],
    taps: frozenset[str],
) -> PodSide:
    if facts.links is not None:
        link = facts.links.get(network.name)
        return PodSide() if link is None else PodSide(link=link, target=_target(network, link, taps))
    if name is None:
        return PodSide()
    seen = reported.get(name)
    if seen is None:
        return PodSide(link=PodLink(name=name), target=tap_name(network, name), assumed=True)
    link = PodLink(name=name, mac=seen.mac, mtu=seen.mtu)
    return PodSide(link=link, target=tap_name(network, name), pci_address=seen.pci_address)


def _target(network: Network, link: PodLink, taps: frozenset[str]) -> str | None:
    """The link's tap if it is there, whichever network it was made for, else the link itself."""
    if isinstance(link.tap, str):
        return link.tap
    name = tap_name(network, link.name or "")
    return name if name in taps else link.name


def _taps(machine: Machine, facts: HostFacts) -> frozenset[str]:
    links = facts.links or {}
    plugged = (network for network in machine.networks if network.is_default or network.is_secondary)
    there = ((network, links.get(network.name)) for network in plugged)
    return frozenset(tap_name(net, link.name or "") for net, link in there if link and link.tap is True)


def _link_names(machine: Machine, facts: HostFacts) -> dict[str, str]:
    seen = [entry.interface for entry in facts.pod_networks or ()]
    seen += [entry.pod_interface_name for entry in (machine.status.interfaces if machine.status else ())]
    return ordinal_link_names(machine) if is_ordinal(seen) else pod_link_names(machine)
