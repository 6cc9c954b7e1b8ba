"""The pod that a plan is made for where none was looked at: with usual addresses, and a link for each network."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Final

from kvnet.compiler.naming import pod_link_names
from kvnet.compiler.pod import PodNetworks
from kvnet.defaults import with_default_nic
from kvnet.errors import Problem, Severity
from kvnet.facts import PodLink
from kvnet.instancetypes import expand
from kvnet.pod.found import FoundLink, FoundRoute, PodFound
from kvnet.spec import Machine, Network, Sriov
from kvnet.spec.nic import nics_of
from kvnet.target import Target
from kvnet.values import MacAddress, ip_of

__all__ = ["assumed_found", "assumption"]

_IPV4: Final = IPv4Interface("10.244.0.10/24")
_IPV6: Final = IPv6Interface("fd10:244::10/64")
_GATEWAYS: Final[tuple[IPv4Address | IPv6Address, ...]] = (IPv4Address("10.244.0.1"), IPv6Address("fd10:244::1"))
_MAC: Final = MacAddress.parse("0a:58:0a:f4:00:0a")
_MTU: Final = 1500
_NOTHING: Final = PodLink()


def assumed_found(machine: Machine, target: Target) -> PodFound:
    """A new pod of a machine: its first link has 10.244.0.10/24, the others have no address.

    Where the machine or the facts speak of IPv6, the first link has fd10:244::10/64 too. MAC addresses and MTUs are
    those of the facts, as far as they are known.
    """
    machine = with_default_nic(expand(machine, target).machine, target.cluster.in_effect)
    names = pod_link_names(machine)
    pod = PodNetworks(machine, target.facts)
    links = tuple(
        _link(names[network.name], network, pod, with_ipv6=_speaks_of_ipv6(machine, target))
        for network in _linked(machine)
        if network.name in names
    )
    return PodFound(links=links, routes=tuple(each for link in links for each in _routes(link)), host_ip=_GATEWAYS[0])


def assumption(machine: Machine, found: PodFound) -> Problem:
    """The note that a pod was assumed."""
    addresses = [f"{link.name} with {each}" for link in found.links for each in (*link.ipv4, *link.ipv6)]
    links = ", ".join(addresses or [link.name for link in found.links]) or "no links"
    message, hint = f"assumed a new pod: {links}", "say what was found in the pod with --found FILE"
    return Problem(machine.root / "networks", "KN847", message, hint=hint, severity=Severity.NOTE)


def _linked(machine: Machine) -> Iterator[Network]:
    """The networks that have a link in the pod: virtual functions are passed through."""
    for nic in nics_of(machine):
        if nic.network is not None and not isinstance(nic.binding, Sriov):
            yield nic.network


def _link(name: str, network: Network, pod: PodNetworks, *, with_ipv6: bool) -> FoundLink:
    known, is_primary = pod.attachment(network).link or _NOTHING, network.is_default
    return FoundLink(
        name=name,
        kind="veth",
        mac=known.mac or (_MAC if is_primary else None),
        mtu=known.mtu or _MTU,
        ipv4=(_IPV4,) if is_primary else (),
        ipv6=(_IPV6,) if is_primary and with_ipv6 else (),
        ipv4_enabled=is_primary,
        ipv6_enabled=is_primary and with_ipv6,
    )


def _routes(link: FoundLink) -> Iterator[FoundRoute]:
    networks: list[IPv4Network | IPv6Network] = [each.network for each in link.ipv4]
    networks += [each.network for each in link.ipv6]
    for network, gateway in zip(networks, _GATEWAYS, strict=False):
        yield FoundRoute(destination=network.supernet(new_prefix=0), link=link.name, gateway=gateway)
        yield FoundRoute(destination=network, link=link.name)


def _speaks_of_ipv6(machine: Machine, target: Target) -> bool:
    """Whether the machine asks for an IPv6 network, or the facts have an IPv6 address of the pod."""
    if any(network.pod is not None and network.pod.vm_ipv6_network_cidr for network in machine.networks):
        return True
    addresses = [ip_of(text) for network in target.facts.pod_networks or () for text in network.ips]
    return any(isinstance(each, IPv6Address) for each in addresses)
