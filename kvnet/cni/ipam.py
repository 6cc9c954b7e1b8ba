"""The plugins that give addresses to links (IPAM), which a configuration names in ``ipam``."""

from __future__ import annotations

from typing import Annotated, Any

from attrs import frozen

from kvnet.cni.values import Address, Excluded, Span, Subnet
from kvnet.spec.wire import BriefRepr, Rest, Tagged, mapping, named, rest

__all__ = [
    "IPAM",
    "AddressRange",
    "DhcpIpam",
    "DhcpOption",
    "HostLocalIpam",
    "Ipam",
    "KubeOvnIpam",
    "OtherIpam",
    "Route",
    "StaticAddress",
    "StaticIpam",
    "WhereaboutsIpam",
    "WhereaboutsRange",
    "networks_of",
]


@frozen(kw_only=True, slots=False, repr=False)
class Route(BriefRepr):
    """A route that the link gets: ``dst`` is a network in CIDR form, ``gw`` its gateway."""

    dst: Subnet
    gw: Address = ""
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class AddressRange(BriefRepr):
    """A part of a subnet that host-local gives addresses from."""

    subnet: Subnet
    range_start: Address = ""
    range_end: Address = ""
    gateway: Address = ""
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class HostLocalIpam(BriefRepr):
    """``host-local``: addresses from subnets, kept in files of the node."""

    type: str
    subnet: Subnet = ""
    range_start: Address = ""
    range_end: Address = ""
    gateway: Address = ""
    ranges: tuple[tuple[AddressRange, ...], ...] = ()
    routes: tuple[Route, ...] = ()
    data_dir: str = ""
    resolv_conf: str = ""
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class StaticAddress(BriefRepr):
    """An address in CIDR form, and its gateway."""

    address: Subnet
    gateway: Address = ""
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class StaticIpam(BriefRepr):
    """``static``: the listed addresses."""

    type: str
    addresses: tuple[StaticAddress, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Rest = mapping()
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class DhcpOption(BriefRepr):
    """An option that the DHCP client sends or asks for."""

    option: str = ""
    value: str = ""
    from_arg: str = named("fromArg", default="")
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class DhcpIpam(BriefRepr):
    """``dhcp``: an address from a DHCP server of the network, asked for by a daemon of the node."""

    type: str
    daemon_socket_path: str = ""
    request: tuple[DhcpOption, ...] = ()
    provide: tuple[DhcpOption, ...] = ()
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class WhereaboutsRange(BriefRepr):
    """One of several ranges of whereabouts."""

    range: Span
    range_start: Address = named("range_start", default="")
    range_end: Address = named("range_end", default="")
    exclude: tuple[Excluded, ...] = ()
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class WhereaboutsIpam(BriefRepr):
    """``whereabouts``: addresses that are unique in the cluster."""

    type: str
    range: Span = ""
    range_start: Address = named("range_start", default="")
    range_end: Address = named("range_end", default="")
    exclude: tuple[Excluded, ...] = ()
    ip_ranges: tuple[WhereaboutsRange, ...] = ()
    gateway: Address = ""
    routes: tuple[Route, ...] = ()
    network_name: str = named("network_name", default="")
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class KubeOvnIpam(BriefRepr):
    """``kube-ovn``: addresses of a subnet of Kube-OVN; ``provider`` names the network there."""

    type: str
    provider: str = ""
    server_socket: str = named("server_socket", default="")
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class OtherIpam(BriefRepr):
    """Another plugin; one without a ``type`` gives no addresses."""

    type: str = ""
    rest: Rest = rest()


IPAM: dict[str, type[Any]] = {
    "dhcp": DhcpIpam,
    "host-local": HostLocalIpam,
    "kube-ovn": KubeOvnIpam,
    "static": StaticIpam,
    "whereabouts": WhereaboutsIpam,
}
Ipam = Annotated[Any, Tagged("type", IPAM, OtherIpam)]


def networks_of(ipam: Any) -> tuple[str, ...]:
    """The networks or addresses in CIDR form that a configuration gives addresses of; none where it does not say so.

    >>> networks_of(HostLocalIpam(type="host-local", subnet="10.1.1.0/24"))
    ('10.1.1.0/24',)
    """
    match ipam:
        case HostLocalIpam():
            listed = [ipam.subnet, *(each.subnet for ranges in ipam.ranges for each in ranges)]
        case StaticIpam():
            listed = [each.address for each in ipam.addresses]
        case WhereaboutsIpam():
            listed = [ipam.range, *(each.range for each in ipam.ip_ranges)]
        case _:
            listed = []
    return tuple([each for each in listed if each])
