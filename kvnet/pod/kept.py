"""What KubeVirt keeps of a pod's links before it changes them: leases for DHCP, and the pod's addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from types import MappingProxyType
from typing import Final

from attrs import evolve, frozen

from kvnet.errors import Problem
from kvnet.interface_status.sources import status_interfaces
from kvnet.pod.found import BridgeLease, FoundLink, FoundRoute, LeaseRoute, PodFound
from kvnet.pod.link_sets import missing_link, unbound
from kvnet.spec import Bridge, Masquerade, PasstBinding, Sriov
from kvnet.spec.nic import Nic
from kvnet.values import MacAddress

__all__ = ["Kept", "kept_of"]

PodAddress = IPv4Address | IPv6Address
_NEEDS_LINK: Final = (Bridge, Masquerade, PasstBinding)
_ANYWHERE: Final = IPv4Network("0.0.0.0/0")


@frozen(kw_only=True)
class Kept:
    """What is kept of a pod.

    - ``leases``: by the pod's link
    - ``pod_ips``: by network, the main address first
    - ``problem``: why the rest could not be found out
    """

    leases: Mapping[str, BridgeLease] = MappingProxyType({})
    pod_ips: Mapping[str, tuple[PodAddress, ...]] = MappingProxyType({})
    problem: Problem | None = None


def kept_of(nics: Iterable[Nic], names: Mapping[str, str], found: PodFound) -> Kept:
    """What is to be kept of the links of NICs, up to the first for which that cannot be found out.

    ``names`` are the pod's links by network. Source: KubeVirt's ``pkg/network/setup/netpod/discover.go``.
    """
    kept = Kept()
    for nic in nics:
        more = _kept_of_nic(nic, names.get(nic.name, ""), found)
        leases, pod_ips = {**kept.leases, **more.leases}, {**kept.pod_ips, **more.pod_ips}
        kept = Kept(leases=leases, pod_ips=pod_ips, problem=more.problem)
        if kept.problem is not None:
            break
    return kept


def _kept_of_nic(nic: Nic, name: str, found: PodFound) -> Kept:
    """What is kept of one NIC, whose link has a name. The guest of a bridge gets no IPv6 address of the pod."""
    if nic.binding is None:
        return Kept(problem=unbound(nic))
    link = found.link(name)
    if link is None:
        return Kept(problem=missing_link(nic, name)) if isinstance(nic.binding, _NEEDS_LINK) else Kept()
    if isinstance(nic.binding, Sriov):
        return Kept()
    is_bridge = isinstance(nic.binding, Bridge)
    addresses = _pod_ips(nic, evolve(link, ipv6=()) if is_bridge else link, found)
    if isinstance(addresses, Problem):
        return Kept(problem=addresses)
    pod_ips = {nic.name: addresses} if addresses else {}
    lease = _lease(nic, link, found) if is_bridge else None
    if isinstance(lease, Problem):
        return Kept(pod_ips=pod_ips, problem=lease)
    return Kept(leases={link.name: lease} if lease else {}, pod_ips=pod_ips)


def _pod_ips(nic: Nic, link: FoundLink, found: PodFound) -> tuple[PodAddress, ...] | Problem:
    """The first address of each family; of two, that of the node's own family leads."""
    known: list[PodAddress] = [each.ip for each in (link.global_ipv4, link.global_ipv6) if each is not None]
    if len(known) < 2:
        return tuple(known)
    if found.host_ip is None:
        message = f"'{nic.name}' has an IPv4 and an IPv6 address, and it is not known which of them is the main one"
        return Problem(nic.at, "KN843", message, hint="give the node's own address as hostIP")
    return tuple(known if found.host_ip.version == 4 else reversed(known))


def _lease(nic: Nic, link: FoundLink, found: PodFound) -> BridgeLease | Problem:
    """What DHCP tells the guest behind a bridge: the address, gateway and routes that the pod's NIC has now."""
    address = link.global_ipv4
    if address is None:
        return BridgeLease(ipam_disabled=True)
    mac = _mac(nic, link)
    if isinstance(mac, Problem):
        return mac
    routes = [each for each in found.routes if each.link == link.name and each.destination.version == 4]
    if not routes:
        message = f"the pod has no route by '{link.name}', so DHCP has no gateway for '{nic.name}'"
        return Problem(nic.at, "KN842", message, hint="give the network a gateway or routes in the IPAM of its NAD")
    gateway = routes[0].gateway
    return BridgeLease(
        address=address,
        mac=mac,
        gateway=gateway if isinstance(gateway, IPv4Address) else None,
        routes=tuple(_told(each) for each in routes if each.destination != address.network),
    )


def _told(route: FoundRoute) -> LeaseRoute:
    """A route as the guest is told it."""
    destination, gateway = route.destination, route.gateway
    return LeaseRoute(
        destination=destination if isinstance(destination, IPv4Network) and destination != _ANYWHERE else None,
        gateway=gateway if isinstance(gateway, IPv4Address) else None,
    )


def _mac(nic: Nic, link: FoundLink) -> MacAddress | Problem | None:
    """The guest's MAC address: of the spec, else of the status, so that it survives a migration, else of the link."""
    reported = next((each.mac for each in status_interfaces(nic.machine) if each.name == nic.name), None)
    text = nic.interface.mac_address or reported
    if not text:
        return link.mac
    try:
        return MacAddress.parse(text)
    except ValueError as reason:
        hint = "write what the message asks for, or leave the field out"
        return Problem(nic.at / "macAddress", "KN304", str(reason), hint=hint)
