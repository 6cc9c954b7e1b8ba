"""Pods that were not looked at: a new one with usual addresses, and one in which planned links have been made."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Final

from attrs import evolve

from kvnet.compiler.pod import PodNetworks, pod_link_names
from kvnet.defaults import with_default_nic
from kvnet.errors import Problem, Severity
from kvnet.facts import PodLink
from kvnet.instancetypes import expand
from kvnet.pod.found import BridgeLease, FoundLink, FoundRoute, PodFound
from kvnet.pod.link_sets import BridgeLink, DesiredLink, DummyLink, RenamedLink, TapLink
from kvnet.pod.links import PodLinks
from kvnet.spec import Machine, Network, Sriov
from kvnet.spec.nic import nics_of
from kvnet.target import Target
from kvnet.values import MacAddress, ip_of

__all__ = ["assumed_found", "assumption", "found_after", "with_lease_routes"]

_IPV4: Final = IPv4Interface("10.244.0.10/24")
_IPV6: Final = IPv6Interface("fd10:244::10/64")
_GATEWAYS: Final[tuple[IPv4Address | IPv6Address, ...]] = (IPv4Address("10.244.0.1"), IPv6Address("fd10:244::1"))
_MAC: Final = MacAddress.parse("0a:58:0a:f4:00:0a")
_MTU: Final = 1500
_ANYWHERE: Final = IPv4Network("0.0.0.0/0")
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


def found_after(found: PodFound, plan: PodLinks) -> PodFound:
    """The pod once the links of a plan are made, with what is kept of them.

    >>> import kvnet
    >>> spec = "{domain: {devices: {interfaces: [{name: a, masquerade: {}}]}}, networks: [{name: a, pod: {}}]}"
    >>> pod = kvnet.loads_found("links: [{name: eth0}]")
    >>> [link.name for link in found_after(pod, kvnet.pod_links(kvnet.loads(spec), None, pod)).links]
    ['eth0', 'k6t-eth0', 'tap0']
    """
    links = {each.name: each for each in found.links}
    own = {each.network: each.name for each in plan.links if isinstance(each, DummyLink)}
    for link in plan.links:
        if link.network in found.preparations and link.name in links and not _is_absent(link):
            continue  # it is there, and what is planned for it again is made of what it moved to
        if not isinstance(link, RenamedLink):
            links.pop(link.name, None)
            links |= {} if link.is_absent else {link.name: _made(link)}
        elif link.name not in links:
            moved = links.pop(own[link.network])
            links[link.name] = evolve(moved, name=link.name, controller=link.controller, ipv4=(), ipv6=())
    return evolve(found, links=tuple(links.values()), leases=plan.leases, preparations=plan.after)


def with_lease_routes(found: PodFound) -> PodFound:
    """The pod with the IPv4 routes of which its leases were made: they went away when the NIC of a bridge moved.

    KubeVirt's plan of further links makes the lease of every bridge again, from the routes by the dummy that took the
    NIC's name.
    """
    with_routes = {each.link for each in found.routes if each.destination.version == 4}
    missing = [(name, lease) for name, lease in found.leases.items() if name not in with_routes]
    return evolve(found, routes=(*found.routes, *(route for each in missing for route in _of_lease(*each))))


def _of_lease(link: str, lease: BridgeLease) -> Iterator[FoundRoute]:
    """Routes by a link of which the same lease is made: the first has its gateway, and is not told to the guest."""
    if lease.address is not None:
        yield FoundRoute(destination=lease.address.network, link=link, gateway=lease.gateway)
    for each in lease.routes:
        yield FoundRoute(destination=each.destination or _ANYWHERE, link=link, gateway=each.gateway)


def _is_absent(link: DesiredLink) -> bool:
    return not isinstance(link, RenamedLink) and link.is_absent


def _made(link: BridgeLink | DummyLink | TapLink) -> FoundLink:
    if isinstance(link, TapLink):
        return FoundLink(name=link.name, kind="tun", mtu=link.mtu, controller=link.controller)
    return FoundLink(
        name=link.name,
        kind="bridge" if isinstance(link, BridgeLink) else "dummy",
        mac=link.mac,
        mtu=link.mtu,
        ipv4=tuple([each for each in link.ipv4.addresses if isinstance(each, IPv4Interface)]),
        ipv6=tuple([each for each in link.ipv6.addresses if isinstance(each, IPv6Interface)]),
        ipv4_enabled=link.ipv4.enabled,
        ipv6_enabled=link.ipv6.enabled,
    )


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
